package collect

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// pageAnswer answers every request with one body.
type pageAnswer []byte

func (p pageAnswer) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(bytes.NewReader(p))}, nil
}

func pageClient(body []byte) *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(aws.Config{Region: "eu-central-1", HTTPClient: pageAnswer(body), Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
	}), Retryer: func() aws.Retryer { return aws.NopRetryer{} }})
}

// usualPages are those that must be scanned, and not left to the SDK: all that AWS writes.
func usualPages() []string {
	return []string{
		`{"events":[],"searchedLogStreams":[]}`,
		`{"events":[{"eventId":"3876","ingestionTime":1764115200123,"logStreamName":"2026/11/26/[$LATEST]ab","message":"START RequestId: 1\tVersion: 2\n","timestamp":1764115200000}],"nextToken":"Bxkq6kVGFtq2y_Moi"}`,
		`{ "searchedLogStreams" : [ {"logStreamName":"a","searchedCompletely":true} ], "events" : [ {"message":"\"q\" \\ é ` + "\x7f" + `","timestamp":-1} , {"eventId":"2","more":{"a":[1,null,"x",false]}} ] }`,
		`{"events":[{"message":"","timestamp":0,"ingestionTime":null}]}`,
	}
}

// TestUsualPagesAreScanned: what is quick is in use.
func TestUsualPagesAreScanned(t *testing.T) {
	for _, body := range usualPages() {
		if _, err := scanPage([]byte(body), nil); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzLogPage: what is scanned is what the SDK reads, byte for byte of the lines that are
// kept, and what the SDK refuses is refused whichever way it was read.
func FuzzLogPage(f *testing.F) {
	for _, body := range usualPages() {
		f.Add([]byte(body))
	}
	for _, body := range []string{`{"events":[{"message":"\u003c\ud800\/"}]}`, `{"events":[{"timestamp":1e3}]}`, `{"events":[{"timestamp":"1"}]}`, `{"events":[{"message":"a","message":"b"}]}`, "{\"events\":[{\"message\":\"\xff\"}]}", `{"events":[{"timestamp":-0}]}`, `{"events":[{}]} x`, `null`, `{"nextToken":""}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { samePage(t, body) })
}

// TestDamagedPages: pages that are a few bytes off are read as the SDK reads them.
func TestDamagedPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bits := []string{`"`, `\`, "{", "}", "[", "]", ",", ":", "null", "true", "1", "-", "0", ".", "e", " ", `\u003c`, `\n`, `\/`, "é", "\xff", `"message"`, `"events"`, `"timestamp"`, "\n"}
	scanned := 0
	for range 5000 {
		body := []byte(usualPages()[r.IntN(len(usualPages()))])
		for range r.IntN(4) {
			at := r.IntN(len(body))
			switch r.IntN(3) {
			case 0:
				body = slices.Insert(body, at, []byte(bits[r.IntN(len(bits))])...)
			case 1:
				body = slices.Delete(body, at, min(len(body), at+r.IntN(5)))
			case 2:
				body[at] = byte(r.IntN(256))
			}
		}
		if samePage(t, body) {
			scanned++
		}
	}
	if scanned < 500 || scanned > 4500 {
		t.Errorf("%d of 5000 were scanned: nothing is compared, or nothing is damaged", scanned)
	}
}

// samePage compares both readings of a page, and says whether it was scanned.
func samePage(t *testing.T, body []byte) bool {
	t.Helper()
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}
	want, wantErr := pageClient(body).FilterLogEvents(t.Context(), in)
	var raw rawPages
	got, err := raw.ask(pageClient(body))(t.Context(), in)
	switch {
	case (err == nil) != (wantErr == nil):
		t.Errorf("%q: %v, the SDK says %v (scanned: %v)", body, err, wantErr, raw.got)
	case err == nil && raw.got:
		lines := appendEvents(nil, want.Events, "eventId")
		if !bytes.Equal(lines, raw.page.lines) || raw.page.events != len(want.Events) || aws.ToString(got.NextToken) != aws.ToString(want.NextToken) {
			t.Errorf("%q: %q %q, the SDK reads %q %q", body, raw.page.lines, aws.ToString(got.NextToken), lines, aws.ToString(want.NextToken))
		}
	}
	return raw.got
}
