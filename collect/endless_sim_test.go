package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// endlessToken begins each token of a listing that never ends.
const endlessToken = "endless-"

// endless is an account every listing of which has another page, each with a token of its own:
// its first page comes again and again.
type endless struct {
	next http.RoundTripper

	mu    sync.Mutex
	pages map[string]int    // operations that were asked for a page by one of our tokens, how often
	first map[string][]byte // answers to the first call, by operation
	kinds map[string]http.Header
	n     int
}

func (e *endless) RoundTrip(req *http.Request) (*http.Response, error) {
	op := req.Header.Get("X-Op")
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	if again := bytes.Contains(body, []byte(endlessToken)) || strings.Contains(req.URL.RawQuery, endlessToken); again {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.pages[op]++
		return e.page(op), nil
	}
	resp, err := e.next.RoundTrip(req)
	if err != nil || op == "" || resp.StatusCode != 200 || op == objectCall || strings.HasPrefix(op, "STS:") {
		return resp, err
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.first[op], e.kinds[op] = text, resp.Header
	return e.page(op), nil
}

// page is the operation's first answer with a new token.
func (e *endless) page(op string) *http.Response {
	e.n++
	token := fmt.Sprintf("%s%d", endlessToken, e.n)
	header := e.kinds[op].Clone()
	header.Del("Content-Length")
	text := withToken(e.first[op], header.Get("Content-Type"), token)
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text))}
}

var xmlEnd = regexp.MustCompile(`(</\w+Result>)?(<ResponseMetadata>.*</ResponseMetadata>)?\s*(</\w+>)\s*$`)

// withToken puts a token into an answer, by all the names that AWS has for it.
func withToken(text []byte, kind, token string) []byte {
	switch {
	case strings.Contains(kind, "cbor") && len(text) > 0 && text[0] >= 0xa0 && text[0] < 0xb7:
		more := append([]byte{text[0] + 1, 0x69}, "NextToken"...)
		return append(append(append(more, 0x78, byte(len(token))), token...), text[1:]...)
	case strings.Contains(kind, "cbor") && len(text) > 0 && text[0] == 0xbf:
		more := append([]byte{0xbf, 0x69}, "NextToken"...)
		return append(append(append(more, 0x78, byte(len(token))), token...), text[1:]...)
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")):
		text = regexp.MustCompile(`<(IsTruncated|NextToken|nextToken|Marker|NextMarker)>[^<]*</\w+>`).ReplaceAll(text, nil)
		var more strings.Builder
		for _, name := range []string{"NextToken", "nextToken", "Marker", "NextMarker", "NextContinuationToken"} {
			fmt.Fprintf(&more, "<%s>%s</%s>", name, token, name)
		}
		more.WriteString("<IsTruncated>true</IsTruncated>")
		at := xmlEnd.FindIndex(text)
		return slices.Concat(text[:at[0]], []byte(more.String()), text[at[0]:])
	}
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return text
	}
	for _, name := range []string{"NextToken", "nextToken", "NextMarker", "Marker", "position"} {
		doc[name] = token
	}
	doc["Truncated"] = true
	out, err := json.Marshal(doc)
	if err != nil {
		return text
	}
	return out
}

// TestEndlessListings: every listing of an account goes on for ever, with a new token each
// time. Each is read to its bound and no further, and stands in the coverage as cut, with
// the reason.
func TestEndlessListings(t *testing.T) {
	if testing.Short() {
		t.Skip("collections one after the other, as every other test here makes under it")
	}
	const most = 3
	pages := map[string]int{}
	cut := map[string][]string{} // by call: what was said
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		for _, function := range bench.Functions() {
			e := &endless{next: a.Cloud.Client().Transport, pages: pages, first: map[string][]byte{}, kinds: map[string]http.Header{}}
			s := sessionOver(t, a, e)
			target, err := ParseTarget(bench.AccountID, bench.Region, function)
			if err != nil {
				t.Fatal(err)
			}
			connect := func(region string, needs []awsapi.Need, also awsapi.Recorder) aws.Config {
				cfg := s.ConfigRecorded(region, needs, also)
				cfg.APIOptions = append(cfg.APIOptions, nameOperation)
				return cfg
			}
			m := newMemory()
			m.discard = true
			if _, err := Run(t.Context(), Inputs{Connect: connect, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, m, Options{Unpaced: true, MaxPages: most, TrailBuckets: []string{AutoTrailBucket}}); err != nil {
				t.Fatal(err)
			}
			for _, x := range m.entries {
				if x.Gap != nil && !x.State.Complete() {
					cut[x.Gap.Call] = append(cut[x.Gap.Call], x.Gap.Error+" "+x.Gap.Note)
				}
			}
		}
	})
	// What they list is asked for by another call, under whose name it is kept.
	by := map[string]string{"GuardDuty:ListFindings": "GuardDuty:GetFindings", "AccessAnalyzer:ListFindingsV2": "AccessAnalyzer:GetFindingV2", "CloudWatchLogs:GetQueryResults": "CloudWatchLogs:StartQuery"}
	ops := slices.Sorted(maps.Keys(pages))
	for _, op := range ops {
		reason := ""
		for _, said := range append(cut[op], cut[by[op]]...) {
			if strings.Contains(said, "does not end") || strings.Contains(said, "are collected at most") {
				reason = said
			}
		}
		if reason == "" {
			t.Errorf("%s: nothing says that it was cut: %.500q %.500q", op, cut[op], cut[by[op]])
		}
		t.Logf("%-50s %5d pages, %s", op, pages[op], strings.TrimSpace(reason))
	}
	if len(ops) < 50 {
		t.Errorf("only %d operations were asked for a second page", len(ops))
	}
	t.Logf("%d listings; 0 skipped", len(ops))
}

// sessionOver is an administrator's session whose requests travel by another road.
func sessionOver(t *testing.T, a *bench.Account, road http.RoundTripper) *awsapi.Session {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: &http.Client{Transport: road}, ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
