package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readBack compares what Python's csv and json modules and DuckDB read of one timeline in
// four formats, and prints what differs. DuckDB reads each file by itself, types and all.
const readBack = `
import csv, datetime, json, os, sys
import duckdb
dir, problems = sys.argv[1], []
def wrong(*what):
    if len(problems) < 20: problems.append(" ".join(str(w) for w in what))

lines = [json.loads(l) for l in open(os.path.join(dir, "t.jsonl"), encoding="utf-8", newline="\n")]
with open(os.path.join(dir, "t.csv"), encoding="utf-8", newline="") as f:
    rows = list(csv.DictReader(f, strict=True))
with open(os.path.join(dir, "t.l2tcsv.csv"), encoding="utf-8", newline="") as f:
    l2t = list(csv.DictReader(f, strict=True))

def text(v):
    if v is None: return ""
    if v is True: return "true"
    if isinstance(v, list): return " ".join(v)
    return str(v)
cells = 0
for n, (line, row) in enumerate(zip(lines, rows)):
    for name, cell in row.items():
        want = text(line.get(name))
        cells += 1
        if cell[:1] in ("=", "+", "-", "@", "\t", "\r"): wrong("csv", n, name, "is a formula:", repr(cell))
        plain = all(" " <= c <= "~" for c in want) and not any(p.lstrip(" \"'")[:1] in tuple("=+-@") for p in want.split(";") if p.strip())
        if plain and cell != want: wrong("csv", n, name, repr(cell), "is not", repr(want))
        if any(c < " " or c == "\x7f" for c in cell): wrong("csv", n, name, "has control characters:", repr(cell))
    unknown = set(line) - set(row)
    if unknown: wrong("csv", n, "lacks", unknown)
for n, row in enumerate(l2t):
    if len(row) != 17 or None in row: wrong("l2tcsv", n, "has", len(row), "fields")

c = duckdb.connect()
c.execute("set timezone = 'UTC'")
p = os.path.join(dir, "t.parquet")
j = os.path.join(dir, "t.jsonl")
count = c.execute("select count(*) from read_parquet(?)", [p]).fetchone()[0]
names = {"eventtime": "time", "eventname": None, "awsregion": "region", "sourceipaddress": "source_address", "useragent": "user_agent", "errorcode": "error_code", "errormessage": "error_message",
    "requestid": "request_id", "eventid": "event_id", "recipientaccountid": "account", "readonly": "read_only", "resources": "resources", "message": "message", "outcome": "outcome", "principal": "principal",
    "action": "action", "function": "function", "tags": "tags", "kind": "kind", "copies": "copies", "raw_path": "raw_path", "raw_line": "raw_line", "raw_offset": "raw_offset", "lambda_marker": "lambda_marker",
    "useridentity.type": "principal_type", "useridentity.arn": "principal_arn", "useridentity.accesskeyid": "access_key", "useridentity.sessioncontext.sessionissuer.arn": "role",
    "useridentity.sessioncontext.attributes.creationdate": "session_created", "detail": None}
got = c.execute("select " + ", ".join(names) + " from read_parquet(?)", [p]).fetchall()
types = dict(c.execute("select column_name, column_type from (describe select * from read_parquet(?))", [p]).fetchall())
if types["eventtime"] != "TIMESTAMP WITH TIME ZONE" or types["readonly"] != "BOOLEAN" or types["raw_offset"] != "BIGINT" or types["tags"] != "VARCHAR[]":
    wrong("parquet has types", types)
def same(field, v, line):
    want = line.get(field)
    if isinstance(v, datetime.datetime):
        at = datetime.datetime.fromisoformat(want.replace("Z", "+00:00")) if want else None
        return at is not None and v == at
    return (v or None) == (want or None)
for n, (line, row) in enumerate(zip(lines, got)):
    for (column, field), v in zip(names.items(), row):
        if column == "eventname":
            field, v = "action_logged" if "action_logged" in line else "action", v
        if column == "detail":
            for k, x in json.loads(v or "{}").items():
                if line.get(k) != x: wrong("parquet", n, "detail", k, repr(x), "is not", repr(line.get(k)))
            continue
        if not same(field, v, line): wrong("parquet", n, column, repr(v), "is not", repr(line.get(field)))

# DuckDB's own reader of JSON agrees with its reader of Parquet, event by event.
differ = c.execute("""
  with j as (select event_id, raw_path, raw_offset, epoch_us(time) as micros, principal, outcome, user_agent from read_json(?, format='newline_delimited', columns={event_id:'VARCHAR', raw_path:'VARCHAR',
      raw_offset:'BIGINT', time:'TIMESTAMPTZ', principal:'VARCHAR', outcome:'VARCHAR', user_agent:'VARCHAR'}, maximum_object_size=16777216)),
  p as (select eventid as event_id, raw_path, raw_offset, epoch_us(eventtime) as micros, principal, outcome, useragent as user_agent from read_parquet(?))
  select (select count(*) from j), (select count(*) from p), (select count(*) from (select event_id, raw_path, coalesce(raw_offset, 0), micros, principal, outcome, user_agent from j except all select * from p))""", [j, p]).fetchone()
if differ != (count, count, 0): wrong("DuckDB reads JSON and Parquet differently:", differ)
ocsf = c.execute("select count(*), count(distinct metadata->>'uid'), min(cast(time as bigint)) from read_json(?, format='newline_delimited', columns={metadata:'JSON', time:'VARCHAR'}, maximum_object_size=16777216)",
    [os.path.join(dir, "t.ocsf.jsonl")]).fetchone()
if ocsf[0] != count: wrong("OCSF has", ocsf[0], "events")
print(json.dumps({"problems": problems, "jsonl": len(lines), "csv": len(rows), "l2tcsv": len(l2t), "parquet": count, "ocsf": ocsf[0], "cells": cells, "values": len(got) * len(names)}))
`

// TestTimelineReadBack: recorded attacks, and records with hostile text, as other people's readers see them.
func TestTimelineReadBack(t *testing.T) {
	python, dir, in := tool(t, "FREEZEFRAME_DUCKDB"), t.TempDir(), t.TempDir()
	var records []string
	for i, text := range []string{"\x1b[2J\x1b[H", "a\rb\nc\td", "\x00", "\u202eevil\u2066", "\u2028", "=HYPERLINK(\"http://evil.example\")", "+1", "-1+1", "@SUM(1)", "\t=1", "x;=1", `quote " and ' and \`, "a,b,\"c\"", "', '", "<script>", strings.Repeat("東", 3000), "{}", "[1]", "null", "NaN", "true"} {
		record, err := json.Marshal(map[string]any{"eventVersion": "1.11", "eventTime": fmt.Sprintf("2026-03-01T10:%02d:00Z", i), "eventID": fmt.Sprint("hostile-", i, text), "eventName": text, "eventSource": "s3.amazonaws.com",
			"userAgent": text, "sourceIPAddress": text, "errorCode": text, "errorMessage": text, "userIdentity": map[string]any{"type": "IAMUser", "userName": text, "arn": "arn:aws:iam::1:user/" + text}, "requestParameters": map[string]any{"bucketName": text, "policyName": text}})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(record))
	}
	// Bytes that are no UTF-8, which a marshaller would not write.
	records = append(records, "{\"eventTime\":\"2026-03-01T11:00:00Z\",\"eventID\":\"bytes\",\"eventName\":\"\xff\xfe\xed\xa0\x80\",\"eventSource\":\"s3.amazonaws.com\",\"userAgent\":\"a\xc3\"}")
	if err := os.WriteFile(filepath.Join(in, "hostile.jsonl"), []byte(strings.Join(records, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for format, name := range map[string]string{"jsonl": "t.jsonl", "csv": "t.csv", "l2tcsv": "t.l2tcsv.csv", "ocsf": "t.ocsf.jsonl", "parquet": "t.parquet"} {
		must(t, 0, nil, built.freezeframe, "timeline", "build", shared(t)+"/data/cloudtrail", in, "--format", format, "--out", filepath.Join(dir, name))
	}
	r := must(t, 0, nil, python, "-c", readBack, dir)
	var found struct {
		Problems                                         []string
		JSONL, CSV, L2TCSV, Parquet, OCSF, Cells, Values int
	}
	if err := json.Unmarshal([]byte(r.out), &found); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	for _, p := range found.Problems {
		t.Error(p)
	}
	if n := found.JSONL; n < 300 || found.CSV != n || found.L2TCSV != n || found.Parquet != n || found.OCSF != n || found.Cells < 60*n || found.Values < 25*n {
		t.Errorf("%+v", found)
	}
	t.Logf("%d events in five formats, %d cells and %d values compared, 0 skipped", found.JSONL, found.Cells, found.Values)
}
