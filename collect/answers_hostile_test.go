package collect

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// list is {"MEMBER":[ITEM,...]} of n items, which may have %d in them.
func list(member, item string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{%q:[`, member)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ReplaceAll(item, "%d", strconv.Itoa(i)))
	}
	return b.String() + "]}"
}

func iamResult(op, result string) string {
	return `<` + op + `Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><` + op + `Result>` + result + `</` + op + `Result><ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></` + op + `Response>`
}

func inlineDocument(doc string) string {
	return iamResult("GetRolePolicy", `<RoleName>payments-role</RoleName><PolicyName>inline</PolicyName><PolicyDocument>`+doc+`</PolicyDocument>`)
}

// hostileAnswer is an answer of a service that means harm.
type hostileAnswer struct {
	name, op string
	body     func() io.Reader
	at       string // key of what comes of it
	want     evidence.State
	says     string // in the gap
	holds    string // in the document
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

func hostileAnswers() []hostileAnswer {
	const (
		urls, concurrency, tags = "lambda.urls payments", "lambda.concurrency payments", "lambda.tags payments"
		inline, role            = "iam.role.inline.document role/service/payments-role inline", "iam.role role/service/payments-role"
		policy, provisioned     = "lambda.policy payments", "lambda.provisioned payments"
	)
	deep := strings.Repeat("[", 5<<20) + strings.Repeat("]", 5<<20)
	token := strings.Repeat("T", 1<<20)
	unfinished := func(head string) func() io.Reader {
		return func() io.Reader { return io.MultiReader(strings.NewReader(head), letters{}) }
	}
	return []hostileAnswer{
		{"100,000 items on a page", "Lambda:ListFunctionUrlConfigs", text(list("FunctionUrlConfigs", `{"FunctionUrl":"https://%d.example/","AuthType":"NONE"}`, 100_000)), urls, evidence.Collected, "", "https://99999.example/"},
		{"100,000 streams on a page", "CloudWatchLogs:DescribeLogStreams", text(list("logStreams", `{"logStreamName":"s%d"}`, 100_000)), "logs.streams /aws/lambda/payments", evidence.Truncated, "50000 are collected at most", "s49999"},
		{"10,000 events on every page", "CloudTrail:LookupEvents", text(list("Events", `{"EventId":"e%d","EventTime":1.79e9,"CloudTrailEvent":"{}"}`, 10_000)), "cloudtrail.lookup payments ResourceName=payments @eu-central-1", evidence.Collected, "", "e9999"},
		{"100,000 tags", "Lambda:ListTags", text(`{"Tags":` + strings.NewReplacer("[", "", "]}", "}", `{"t":`, "{").Replace(list("t", `"k%d":"v"`, 100_000)) + `}`), tags, evidence.Collected, "", "k99999"},
		{"an item of 8 MB", "Lambda:ListFunctionUrlConfigs", text(list("FunctionUrlConfigs", `{"FunctionUrl":"`+strings.Repeat("A", 8<<20)+`"}`, 1)), urls, evidence.Collected, "", "AAAA"},
		{"tags that are there twice", "Lambda:ListTags", text(`{"Tags":{"team":"a","team":"b"}}`), tags, evidence.Collected, "", `"team":"b"`},
		{"a role's tags that are there twice", "IAM:GetRole", text(iamResult("GetRole", `<Role><RoleName>payments-role</RoleName><Arn>`+fakeRole+`</Arn><Path>/service/</Path><RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate><Tags><member><Key>k</Key><Value>a</Value></member><member><Key>k</Key><Value>b</Value></member></Tags></Role>`)), role, evidence.Collected, "", `{"Key":"k","Value":"b"}`},
		{"a policy of 10 MB that is deep", "IAM:GetRolePolicy", text(inlineDocument(deep)), inline, evidence.Collected, "", "[[[["},
		{"a policy that is deep, and JSON", "IAM:GetRolePolicy", text(inlineDocument(deep[5<<20-9000 : 5<<20+9000])), inline, evidence.Collected, "", "[[[["},
		{"a resource policy of 10 MB that is deep", "Lambda:GetPolicy", text(`{"Policy":"` + deep + `"}`), policy, evidence.Collected, "", "[[[["},
		{"a policy with a bad escape", "IAM:GetRolePolicy", text(inlineDocument("%7B%zz%")), inline, evidence.Collected, "", `"%7B%zz%"`},
		{"a policy cut in an escape", "IAM:GetRolePolicy", text(inlineDocument("%7B%2")), inline, evidence.Collected, "", `"%7B%2"`},
		{"a policy that is not UTF-8", "IAM:GetRolePolicy", text(inlineDocument("%22%FF%FE%22")), inline, evidence.Collected, "", `"%22%FF%FE%22"`},
		{"a policy with NUL", "IAM:GetRolePolicy", text(inlineDocument("%7B%00%7D")), inline, evidence.Collected, "", `"{\u0000}"`},
		{"a policy that is encoded twice", "IAM:GetRolePolicy", text(inlineDocument(url.PathEscape(url.PathEscape(`{"a":1}`)))), inline, evidence.Collected, "", `"%7B%22a%22:1%7D"`},
		{"a policy with keys twice", "IAM:GetRolePolicy", text(inlineDocument(url.PathEscape(`{"Version":"1","Version":"2","__proto__":{}}`))), inline, evidence.Collected, "", `{"Version":"1","Version":"2","__proto__":{}}`},
		{"a token of 1 MB", "Lambda:ListFunctionUrlConfigs", text(`{"FunctionUrlConfigs":[{"FunctionUrl":"x"}],"NextMarker":"` + token + `"}`), urls, evidence.Truncated, "a page token of 1048576 bytes", `{"FunctionUrl":"x"}`},
		{"a token of 1 MB, of XML", "IAM:ListRolePolicies", text(iamResult("ListRolePolicies", `<PolicyNames/><IsTruncated>true</IsTruncated><Marker>`+token+`</Marker>`)), "iam.role.inline role/service/payments-role", evidence.Truncated, "a page token of 1048576 bytes", ""},
		{"a token of 1 MB, of events", "CloudWatchLogs:FilterLogEvents", text(`{"events":[{"eventId":"1","message":"x","timestamp":1}],"nextToken":"` + token + `"}`), "logs.events /aws/lambda/payments s", evidence.Truncated, "a page token of 1048576 bytes", ""},
		{"depth where nothing was expected", "Lambda:GetFunctionConcurrency", text(`{"ReservedConcurrentExecutions":1,"more":` + deep + `}`), concurrency, evidence.Failed, "depth", ""},
		{"depth of XML", "IAM:GetRole", text(iamResult("GetRole", strings.Repeat("<a>", 1<<20)+strings.Repeat("</a>", 1<<20))), role, evidence.Collected, "", "{}"},
		{"entities that grow", "IAM:GetRole", text(`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + iamResult("GetRole", `<Role><RoleName>&b;</RoleName></Role>`)), role, evidence.Failed, "entity", ""},
		{"a number that is none", "Lambda:GetFunctionConcurrency", text(`{"ReservedConcurrentExecutions":1e999999999}`), concurrency, evidence.Failed, "invalid int", ""},
		{"a number too large", "Lambda:GetFunctionConcurrency", text(`{"ReservedConcurrentExecutions":` + strings.Repeat("9", 400) + `}`), concurrency, evidence.Failed, "", ""},
		{"another type", "Lambda:ListFunctionUrlConfigs", text(`{"FunctionUrlConfigs":"x"}`), urls, evidence.Failed, "deserialization failed", ""},
		{"JSON that is cut", "Lambda:ListFunctionUrlConfigs", text(`{"FunctionUrlConfigs":[{"FunctionUrl":"x"`), urls, evidence.Failed, "unexpected end", ""},
		{"no JSON", "Lambda:ListFunctionUrlConfigs", text("<!doctype html><script>alert(1)</script>\x1b[31m"), urls, evidence.Failed, "unexpected token", ""},
		{"keys twice, and __proto__", "Lambda:GetFunctionConcurrency", text(`{"__proto__":{"x":1},"ReservedConcurrentExecutions":1,"ReservedConcurrentExecutions":2}`), concurrency, evidence.Collected, "", `"ReservedConcurrentExecutions":2`},
		{"bytes that are not UTF-8", "Lambda:ListFunctionUrlConfigs", text("{\"FunctionUrlConfigs\":[{\"FunctionUrl\":\"\xff\x9b\"}]}"), urls, evidence.Collected, "", `\ufffd`},
		{"an answer without end", "Lambda:ListFunctionUrlConfigs", unfinished(`{"FunctionUrlConfigs":[{"FunctionUrl":"`), urls, evidence.Failed, "larger than 64 MiB", ""},
		{"an error without end", "Lambda:ListProvisionedConcurrencyConfigs", unfinished("\x00403"), provisioned, evidence.Failed, "", ""},
	}
}

// TestHostileAnswers: whatever a service answers ends as a document that is JSON or as a gap
// with its reason, in bounded memory, and nothing else of the collection suffers.
func TestHostileAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("collections one after the other, as every other test here makes under it")
	}
	all := hostileAnswers()
	for _, c := range all {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.versions = 1
				f.faults[c.op] = func() *http.Response {
					status, kind := 200, "application/x-amz-json-1.1"
					if strings.HasPrefix(c.op, "IAM:") {
						kind = "text/xml"
					}
					if strings.HasPrefix(c.name, "an error") {
						status = 400
					}
					return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}, "X-Amzn-Requestid": {"req-1"}}, Body: io.NopCloser(c.body()), ContentLength: -1}
				}
				m, _ := collectFrom(t, f, Options{})
				checkCell(t, m, c.name, c.at, c.want, c.says)
				if doc := m.bytes[c.at]; len(doc) > 0 && !strings.HasPrefix(c.at, "cloudtrail") && !strings.HasPrefix(c.at, "logs.events") && !json.Valid(doc) || !strings.Contains(string(doc), c.holds) {
					t.Errorf("%s: stored %.200q, which is not JSON or has no %q", c.name, doc, c.holds)
				}
				if m.states()["lambda.code payments 1"] != evidence.Collected {
					t.Errorf("%s: the code is not collected", c.name)
				}
			})
		})
		runtime.ReadMemStats(&after)
		grew := (int64(after.HeapSys) - int64(before.HeapSys)) >> 20
		if grew > 256 {
			t.Errorf("%s: the heap grew by %d MiB", c.name, grew)
		}
		t.Logf("%-42s %-12s %4d MiB  %s", c.name, c.want, grew, c.says)
	}
	t.Logf("%d cells; 0 skipped", len(all))
}
