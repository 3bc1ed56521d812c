package stories

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// record is a CloudTrail record as the simulator wrote it.
type record = map[string]any

// edit changes or drops (nil) a record: what a real trail has and the simulator has not, and
// what a real trail lacks.
type edit func(record) record

func text(r record, path ...string) string {
	for _, p := range path[:len(path)-1] {
		r, _ = r[p].(record)
	}
	s, _ := r[path[len(path)-1]].(string)
	return s
}

func issued(r record) string { return text(r, "responseElements", "credentials", "accessKeyId") }

// withoutIssue drops the record of the call that issued a key.
func withoutIssue(key string) edit {
	return func(r record) record {
		if issued(r) == key {
			return nil
		}
		return r
	}
}

// withoutKey leaves the record, and takes the key out of its answer.
func withoutKey(key string) edit {
	return func(r record) record {
		if issued(r) == key {
			delete(r["responseElements"].(record), "credentials")
		}
		return r
	}
}

func withoutScope(r record) record {
	delete(r["userIdentity"].(record), "inScopeOf")
	return r
}

func withoutLambda(r record) record {
	if text(r, "userIdentity", "invokedBy") == "lambda.amazonaws.com" && r["eventName"] == "AssumeRole" {
		return nil
	}
	return r
}

func consoleKey(n int) string { return fmt.Sprintf("ASIACONSOLE%09d", n) }

// signIn makes a console session of one that GetSessionToken gave: the sign-in as recorded
// in the wild, and a key for each request.
func signIn(key string) edit {
	n := 0
	return func(r record) record {
		id := r["userIdentity"].(record)
		switch {
		case issued(r) == key:
			delete(id, "accessKeyId")
			r["eventSource"], r["eventName"], r["eventType"], r["readOnly"] = "signin.amazonaws.com", "ConsoleLogin", "AwsConsoleSignIn", false
			r["requestParameters"], r["responseElements"] = nil, record{"ConsoleLogin": "Success"}
			r["additionalEventData"] = record{"LoginTo": "https://console.aws.amazon.com/console/home", "MFAUsed": "No", "MobileVersion": "No"}
			delete(r, "resources")
			delete(r, "requestID")
		case text(id, "accessKeyId") == key:
			id["accessKeyId"] = consoleKey(n)
			r["sessionCredentialFromConsole"] = "true"
			n++
		}
		return r
	}
}

// deliver writes what the trails of the company's accounts have, in several files, in no
// order, with some records twice.
func (w *world) deliver(dir string) int {
	if w.plan.noScope {
		w.edits = append(w.edits, withoutScope)
	}
	if w.plan.noLambda {
		w.edits = append(w.edits, withoutLambda)
	}
	var all []json.RawMessage
	for _, raw := range w.cloud.Records() {
		var r record
		if err := json.Unmarshal(raw, &r); err != nil {
			w.t.Fatal(err)
		}
		if a := r["recipientAccountId"]; a != home && a != sister || r["eventCategory"] == "Data" {
			continue
		}
		for _, e := range w.edits {
			if r != nil {
				r = e(r)
			}
		}
		if r == nil {
			continue
		}
		out, err := json.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, out)
		if w.r.IntN(10) == 0 {
			all = append(all, out)
		}
	}
	w.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := 0; len(all) > 0; i++ {
		n := min(len(all), 20+w.r.IntN(60))
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		err := json.NewEncoder(z).Encode(map[string]any{"Records": all[:n]})
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s_CloudTrail_%s_%03d.json.gz", home, w.names.region, i)), b.Bytes(), 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		all = all[n:]
	}
	return len(w.cloud.Records())
}

// whole writes an account's records as they are.
func (w *world) whole(dir, account string) {
	var all []json.RawMessage
	for _, raw := range w.cloud.Records() {
		var r record
		if err := json.Unmarshal(raw, &r); err != nil {
			w.t.Fatal(err)
		}
		if r["recipientAccountId"] == account {
			all = append(all, raw)
		}
	}
	body, err := json.Marshal(map[string]any{"Records": all})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "trail.json"), body, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
