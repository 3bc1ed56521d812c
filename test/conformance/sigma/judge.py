"""What pySigma's SQLite backend makes of rules and events.

usage: judge.py EVENTS RULES... > LINES

EVENTS holds one event a line. Each event becomes rows of a table with a column for
each field that a rule needs: objects as compact JSON text, booleans as 'true' and
'false', one row for each element of an array (for each combination, where several
fields are arrays), as tools that flatten logs into SQLite do it. A rule hits an event
if its query returns one of the event's rows.
"""

import itertools
import json
import re
import sqlite3
import sys
from pathlib import Path

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule


def values(tree, path):
    """All values at a dotted path, through arrays, also of keys that hold dots."""
    if isinstance(tree, list):
        return [v for t in tree for v in values(t, path)]
    if not isinstance(tree, dict):
        return []
    found = []
    for key, value in tree.items():
        if key == path:
            found += elements(value)
        elif path.startswith(key + "."):
            found += values(value, path[len(key) + 1 :])
    return found


def elements(value):
    if isinstance(value, list):
        return [e for v in value for e in elements(v)]
    return [value]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def cell(value):
    if value is None or isinstance(value, str):
        return value
    return compact(value)


def rows(event, fields):
    columns = [[cell(v) for v in values(event, f)] or [None] for f in fields]
    return itertools.product(*columns)


def quote(name):
    return "`" + name + "`"


def table(db, events, fields):
    db.execute("DROP TABLE IF EXISTS logs")
    names = ["eid TEXT", "fulltext TEXT"] + [quote(f) + " TEXT COLLATE NOCASE" for f in fields if f not in ("eid", "fulltext")]
    db.execute(f"CREATE TABLE logs ({', '.join(names)})")
    fields = [f for f in fields if f not in ("eid", "fulltext")]
    holes = ",".join("?" * (len(fields) + 2))
    for e in events:
        for row in rows(e, fields):
            db.execute(f"INSERT INTO logs VALUES ({holes})", (e["eventID"], compact(e), *row))


def needed(backend, rule):
    """Fields of a rule, of a correlation also those of what it refers to."""
    if not isinstance(rule, SigmaCorrelationRule):
        return set(backend.required_fields(rule))
    fields = set(rule.group_by or [])
    if getattr(rule.condition, "fieldref", None):
        fields.add(rule.condition.fieldref)
    for alias in rule.aliases:
        fields.discard(alias.alias)
        fields.update(alias.mapping.values())
    for ref in rule.referenced_rules:
        fields |= needed(backend, ref.rule)
    return fields


def main(events, *folders):
    events = [json.loads(line) for line in open(events, encoding="utf-8")]
    db = sqlite3.connect(":memory:")
    db.create_function("REGEXP", 2, lambda p, v: v is not None and re.search(p, v) is not None)
    for folder in folders:
        files = sorted(Path(folder).glob("*.yml"))
        rules = SigmaCollection.load_ruleset([str(f) for f in files])
        backend = sqliteBackend(timestamp_field="eventTime", event_id_field="eid", fulltext_field="fulltext")
        for rule in rules.rules:
            correlation = isinstance(rule, SigmaCorrelationRule)
            queries = backend.convert_correlation_rule(rule) if correlation else backend.convert_rule(rule)
            if not rule._output:
                continue
            table(db, events, sorted(needed(backend, rule) | ({"eventTime"} if correlation else set())))
            seen = set()
            for query in queries:
                cursor = db.execute(query)
                at = [d[0] for d in cursor.description]
                for row in cursor:
                    row = dict(zip(at, row))
                    if correlation:
                        group = [str(v) for v in json.loads(row["group_keys"]).values()]
                        line = {"rule": str(rule.id), "at": round(row["occurrence_time"]), "group": group, "metric": row["metric_value"]}
                    else:
                        line = {"rule": str(rule.id), "event": row["eid"]}
                    seen.add(json.dumps(line))
            for line in sorted(seen):
                print(line)


main(*sys.argv[1:])
