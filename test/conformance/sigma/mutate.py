"""Events for the judge: the recorded ones, and made ones that differ from them.

usage: mutate.py SEED COUNT RECORDED RULES... > EVENTS

A made event is a recorded one in which some fields that rules look at were given
values that rules look for, or other types, or were taken away. The same seed gives
the same events. They come in order of time.
"""

import copy
import json
import random
import sys
from pathlib import Path

import yaml


def looked_for(folders):
    """The rules' fields with their values, for each rule, and all together."""
    rules, pool = [], {}
    for folder in folders:
        for file in sorted(Path(folder).glob("*.yml")):
            for doc in yaml.safe_load_all(file.read_text()):
                fields = {}
                for selection in (doc or {}).get("detection", {}).values():
                    for part in selection if isinstance(selection, list) else [selection]:
                        for key, value in part.items() if isinstance(part, dict) else []:
                            field = key.split("|")[0]
                            if field:
                                found = value if isinstance(value, list) else [value]
                                if "fieldref" in key:
                                    pool.setdefault(value, []).append("christophe")
                                    found = ["christophe"]
                                fields.setdefault(field, []).extend(found)
                if fields:
                    rules.append(fields)
                for field, found in fields.items():
                    pool.setdefault(field, []).extend(found)
    return rules, {k: pool[k] for k in sorted(pool)}


def put(event, path, value):
    steps = path.split(".")
    for step in steps[:-1]:
        if not isinstance(event.get(step), dict):
            event[step] = {}
        event = event[step]
    event[steps[-1]] = value


def drop(event, path):
    steps = path.split(".")
    for step in steps[:-1]:
        event = event.get(step)
        if not isinstance(event, dict):
            return
    event.pop(steps[-1], None)


def value(r, v):
    if isinstance(v, str):
        v = v.replace("*", r.choice(["", "any", "*"])).replace("?", "q").replace("\\", "")
        form = r.randrange(9)
        if form == 0:
            v = v.upper()
        elif form == 1:
            v = "x" + v
        elif form == 2:
            v = v + "x"
        elif form == 3:
            v = "before " + v + " behind"
        elif form == 4:
            v = {"part": v}
        elif form == 5:
            v = ["other", v]
        elif form == 6 and v in ("true", "false"):
            v = v == "true"
        elif form == 7:
            v = v[:-1]
    return v


# What rules with modifiers and keywords tell apart.
TELLING = [("sourceIPAddress", a) for a in ["10.1.2.3", "10.200.0.1", "2001:db8::7", "2001:DB8:0:0::7", "192.168.1.1", "fe80::1", "10.evil"]] + [
    ("eventName", "Zm9v"),
    ("requestParameters", {"part": "xx Zm9v xx"}),
    ("requestParameters", {"part": "IGZvbw=="}),
    ("userAgent", "*"),
    ("userAgent", "TruffleHog at work"),
    ("userAgent", "trufflehog"),
    ("userAgent", "S3  Browser"),
    ("userAgent", "tool /x"),
    ("userAgent", "tool \u2014x"),
    ("errorCode", "Success"),
    ("userIdentity.userName", "christophe"),
    ("requestParameters.userName", "CHRISTOPHE"),
    ("requestParameters.userName", ""),
    ("requestParameters.enable", "7"),
    ("requestParameters.enable", 3),
]


def mutate(r, event, rule, pool, every):
    e = copy.deepcopy(event)
    # Near what one rule looks for, or most events would concern none.
    for field, found in rule.items():
        if r.random() < 0.9:
            v = r.choice(found)
            if v is None:
                drop(e, field)
            else:
                put(e, field, value(r, v) if r.random() < 0.2 else wildless(v))
    if r.random() < 0.3:
        field, v = r.choice(TELLING)
        put(e, field, v)
    for _ in range(r.choice([0, 0, 0, 1, 1, 2, 5])):
        field = r.choice(every)
        choice = r.random()
        if choice < 0.3:
            drop(e, field)
        elif choice < 0.5:
            put(e, field, r.choice([None, "", [], 0, 7, "7", True, False, {}, "Failure", "Kelvin"]))
        else:
            put(e, field, value(r, r.choice(pool[field])))
    return e


def wildless(v):
    return v.replace("*", "any").replace(".+", "x") if isinstance(v, str) else v


def main(seed, count, recorded, *folders):
    r = random.Random(int(seed))
    events = []
    for file in sorted(Path(recorded).glob("*.json")):
        events += json.loads(file.read_text())
    seen = set()
    events = [e for e in events if not (e["eventID"] in seen or seen.add(e["eventID"]))]
    rules, pool = looked_for(folders)
    every = list(pool)
    made = []
    for i in range(int(count)):
        e = mutate(r, r.choice(events), rules[i % len(rules)], pool, every)
        e["eventID"] = f"made-{i:05}"
        e["eventTime"] = f"2026-11-27T{i // 3 // 3600 % 24:02}:{i // 3 // 60 % 60:02}:{i // 3 % 60:02}Z"
        made.append(e)
    for e in sorted(events + made, key=lambda e: e["eventTime"]):
        print(json.dumps(e))


main(*sys.argv[1:])
