package shapecheck

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T) *Checker {
	t.Helper()
	dir := os.Getenv("FREEZEFRAME_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	dir = filepath.Join(dir, "data/aws-models")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: no %s: set FREEZEFRAME_SHARED", dir)
	}
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBites: each kind of wrong traffic is noticed, and right traffic is not.
func TestBites(t *testing.T) {
	for _, tc := range []struct {
		name, service, method, url, target, body string
		status                                   int
		answer, want                             string
	}{
		{"right", "lambda", "GET", "/2015-03-31/functions/f/configuration", "", "", 200, `{"FunctionName":"f","State":"Active"}`, ""},
		{"unknown member", "lambda", "GET", "/2015-03-31/functions/f/configuration", "", "", 200, `{"Name":"f"}`, "Name"},
		{"enum", "lambda", "GET", "/2015-03-31/functions/f/configuration", "", "", 200, `{"State":"Odd"}`, "Odd"},
		{"type", "lambda", "GET", "/2015-03-31/functions/f/configuration", "", "", 200, `{"Timeout":"3"}`, "Timeout"},
		{"null", "lambda", "GET", "/2015-03-31/functions/f/configuration", "", "", 200, `{"Role":null}`, "Role"},
		{"required of the request", "kms", "POST", "/", "TrentService.DescribeKey", `{}`, 200, `{"KeyMetadata":{"KeyId":"k"}}`, "KeyId"},
		{"required of the answer", "kms", "POST", "/", "TrentService.DescribeKey", `{"KeyId":"k"}`, 200, `{"KeyMetadata":{}}`, "KeyId"},
		{"xml required", "iam", "POST", "/", "", "Action=GetUser&Version=2010-05-08", 200,
			`<GetUserResponse><GetUserResult><User><UserName>u</UserName></User></GetUserResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetUserResponse>`, "Arn"},
		{"cbor right", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "", 200, "\xa1\x67Metrics\x81\xa1\x69Namespace\x61n", ""},
		{"cbor type", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "", 200, "\xa1\x67Metrics\x81\xa1\x69Namespace\x01", "Namespace"},
		{"cbor unknown member", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "", 200, "\xbf\x63Odd\xf4\xff", "Odd"},
		{"cbor time without a tag", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/GetMetricData",
			"", "\xa3\x71MetricDataQueries\x80\x69StartTime\xc1\x00\x67EndTime\x01", 200, "\xa0", "EndTime"},
		{"cbor cut short", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "", 200, "\xa1\x67Met", "not CBOR"},
		{"cbor error of nobody", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "", 400, "\xa1\x66__type\x63Odd", "Odd"},
		{"error of nobody", "kms", "POST", "/", "TrentService.DescribeKey", `{"KeyId":"k"}`, 400, `{"__type":"Odd"}`, "Odd"},
		{"right error", "kms", "POST", "/", "TrentService.DescribeKey", `{"KeyId":"k"}`, 400, `{"__type":"NotFoundException","message":"m"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := open(t)
			h := c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.service == "monitoring" {
					w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
					w.Header().Set("Content-Type", "application/cbor")
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.answer))
			}))
			r := httptest.NewRequest(tc.method, tc.url, strings.NewReader(tc.body))
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/"+tc.service+"/aws4_request, SignedHeaders=host, Signature=0")
			r.Header.Set("X-Amz-Target", tc.target)
			if tc.service == "monitoring" {
				r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
				r.Header.Set("Content-Type", "application/cbor")
			}
			if tc.service == "iam" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			got := strings.Join(c.Problems(), "\n")
			if tc.want == "" && got != "" || tc.want != "" && !strings.Contains(got, tc.want) {
				t.Errorf("problems %q, want one with %q", got, tc.want)
			}
		})
	}
}
