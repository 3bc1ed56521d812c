package collect

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// wire keeps every good answer, as it came.
type wire struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  []answer
}

type answer struct {
	request string // its id, or the path of a download
	body    []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil || resp.StatusCode/100 != 2 {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	id := resp.Header.Get("X-Amzn-Requestid")
	if id == "" {
		id = resp.Header.Get("X-Amz-Request-Id")
	}
	if id == "" {
		id = r.URL.Path
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, answer{id, body})
	return resp, nil
}

// TestEveryRowCollected: functions that together have everything, in one bag: every kind of
// artefact is collected, and whatever the account answered lies in the case.
func TestEveryRowCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		w := &wire{next: a.Cloud.Client().Transport}
		s, err := awsapi.Connect(t.Context(), awsapi.Options{
			Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: &http.Client{Transport: w}, ReadOnly: true,
			Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		var targets []Target
		for _, f := range bench.Functions() {
			target, err := ParseTarget(bench.AccountID, bench.Region, f)
			if err != nil {
				t.Fatal(err)
			}
			targets = append(targets, target)
		}
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		c := newCaseFor(t, key.Recipient().String())
		bag, sum, err := Into(t.Context(), s, c, evidence.Header{Operator: "o"}, targets, Options{Unpaced: true, TrailBuckets: []string{AutoTrailBucket}})
		if err != nil || !sum.Complete {
			t.Fatalf("%+v, %v", sum, err)
		}
		entries, err := bag.Coverage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]int{} // collected, by artefact
		for _, e := range entries {
			if e.State == evidence.Collected {
				rows[e.Artefact]++
			} else {
				rows[e.Artefact] += 0
			}
		}
		for _, name := range slices.Sorted(maps.Keys(rows)) {
			if why, only := onlyGaps()[name]; rows[name] == 0 && !only {
				t.Errorf("%s is never collected", name)
			} else if rows[name] > 0 && only {
				t.Errorf("%s is collected; it was said to be only ever a gap: %s", name, why)
			}
		}
		everybodySpoke(t, slices.Collect(maps.Keys(rows)))
		policiesDiffer(t, bag)
		kept := leavesOf(t, c, bag, key)
		apis := map[string]string{}
		for _, call := range a.Cloud.Calls() {
			apis[call.RequestID] = call.API
		}
		lost := map[string]bool{} // calls of which something is in no artefact
		for _, got := range w.all {
			api := apis[got.request]
			said := leaves{}
			if kept.has(hashOf(got.body)) {
				continue
			}
			if !said.read(got.body) && len(got.body) > 0 {
				t.Errorf("%s %s: %d bytes that are in no artefact", api, got.request, len(got.body))
			}
			for v := range said {
				if kept.has(v) || apis[v] != "" || strings.HasPrefix(v, "key ") {
					continue
				}
				if lost[api] = true; notWhole()[api] == "" {
					t.Errorf("%s: %.100q is in no artefact", api, v)
				}
			}
		}
		for api, why := range notWhole() {
			if !lost[api] && why != token { // whether there is a further page is not always the same
				t.Errorf("%s lost nothing, though it was said: %s", api, why)
			}
		}
		t.Logf("%d kinds of artefact, %d answers looked for in the case: what is in none is of %d calls, listed with reasons; 0 skipped", len(rows), len(w.all), len(notWhole()))
	})
}

const token = "a token that leads to the next page or to the bytes, and expires"

// notWhole are the calls of whose answers something is kept nowhere, and why.
func notWhole() map[string]string {
	const others = "what concerns others than these functions is not kept"
	return map[string]string{
		"":                                            "the lists of a trail's bucket name folders, and files outside the window",
		"APIGateway:GetRestApis":                      others,
		"APIGateway:GetResources":                     others,
		"ApiGatewayV2:GetApis":                        others,
		"ApiGatewayV2:GetIntegrations":                others,
		"AccessAnalyzer:ListFindingsV2":               others,
		"CloudFront:ListDistributions":                others,
		"CloudWatch:DescribeAlarms":                   others,
		"CloudWatchLogs:DescribeLogGroups":            others,
		"EC2:DescribeRouteTables":                     others,
		"Scheduler:ListSchedules":                     others,
		"Scheduler:GetSchedule":                       others,
		"CloudTrail:LookupEvents":                     token,
		"ECR:GetDownloadUrlForLayer":                  token,
		"Lambda:GetFunction":                          token,
		"Lambda:GetLayerVersionByArn":                 token,
		"Lambda:GetDurableExecutionHistory":           token,
		"SQS:GetQueueUrl":                             "the address of the queue, which its ARN says too",
		"CloudWatchLogs:StartQuery":                   "the name of a query of our own",
		"CloudWatchLogs:GetQueryResults":              "names of columns; the events are kept as FilterLogEvents would give them",
		"XRay:GetTraceSummaries":                      "until when each slice of the window was looked through",
		"IAM:GenerateServiceLastAccessedDetails":      "the name of a job of our own",
		"ElasticLoadBalancingv2:DescribeTargetGroups": others,
		"ElasticLoadBalancingv2:DescribeTargetHealth": others,
	}
}

// everybodySpoke: a collector that says nothing of its artefacts hides that they are missing.
func everybodySpoke(t *testing.T, artefacts []string) {
	t.Helper()
	for _, c := range Catalogue() {
		service, _, _ := strings.Cut(c.Name, ".")
		if !slices.ContainsFunc(artefacts, func(n string) bool {
			return n == c.Name || strings.HasPrefix(n, c.Name+".") || c.Name == "ec2.network" && strings.HasPrefix(n, service+".")
		}) {
			t.Errorf("%s said nothing", c.Name)
		}
	}
}

// policiesDiffer: each qualifier's policy is its own, not that of another.
func policiesDiffer(t *testing.T, bag *evidence.Bag) {
	t.Helper()
	partners := map[string]string{"": "210987654321", "live": "210987654322", "1": "210987654323", "next": "210987654324"}
	for it, err := range bag.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if it.Artefact != "lambda.policy" {
			continue
		}
		r, err := bag.Open(t.Context(), it)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		for q, partner := range partners {
			if strings.Contains(string(b), partner) != (q == it.Source.Qualifier) {
				t.Errorf("the policy of %q: %s", it.Source.Qualifier, b)
			}
		}
		delete(partners, it.Source.Qualifier)
	}
	if len(partners) > 0 {
		t.Errorf("no policy of %v", partners)
	}
}

// onlyGaps are the artefacts that are never bytes, and why.
func onlyGaps() map[string]string {
	return map[string]string{
		"efs.content":        "what lies in a file system is out of an API's reach",
		"efs.mounts":         "that there are none; what is there is kept as efs.file-system and others",
		"logs.callers":       "that there are none; what is there is kept as logs.caller.subscriptions",
		"trigger.unresolved": "it names what nobody here can look up",
	}
}

// leavesOf reads a bag, sealed artefacts too: the values of its documents and the hashes of its
// files. What is sealed must not stand in clear.
func leavesOf(t *testing.T, c *evidence.Case, bag *evidence.Bag, key age.Identity) leaves {
	t.Helper()
	kept := leaves{}
	for it, err := range bag.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if it.Ciphertext() {
			err = c.Reveal(t.Context(), bag, it, "o", "what AWS answered is in the case whole", &b, key)
		} else {
			var r io.ReadCloser
			if r, err = bag.Open(t.Context(), it); err == nil {
				_, err = io.Copy(&b, r)
				err = errors.Join(err, r.Close())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		doc := b.Bytes()
		kept[hashOf(doc)] = true
		if z, err := zstd.NewReader(&b); err == nil {
			if plain, err := io.ReadAll(z); err == nil {
				doc = plain
			}
			z.Close()
		}
		if !it.Ciphertext() && bytes.Contains(doc, []byte(bench.Secret)) {
			t.Errorf("%s holds a secret in clear", it.Path)
		}
		kept.read(doc)
		kept.text(it.RequestID)
		for _, v := range it.Params {
			kept.text(v)
		}
	}
	return kept
}

func hashOf(b []byte) string { return fmt.Sprintf("sha256 %x", sha256.Sum256(b)) }

// TestEveryRowAbsent: a function that has nothing: of every kind of artefact it is said that there is none.
func TestEveryRowAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := bench.NewBareAccount(t.Context(), awssim.Config{})
		if err != nil {
			t.Fatal(err)
		}
		m, sum := collectFunction(t, sessionAs(t, a, "reader", allowAll), bench.BareFunction, Options{Unpaced: true, TrailBuckets: []string{AutoTrailBucket}})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		rows := map[string]bool{}
		for _, e := range m.entries {
			rows[e.Artefact] = true
			why, always := alwaysThere()[e.Artefact]
			if e.State != evidence.Absent && (e.State != evidence.Collected || !always) {
				t.Errorf("%s is %s: %+v", key(e), e.State, e.Gap)
			} else if e.State == evidence.Absent && always {
				t.Errorf("%s is absent, though %s", key(e), why)
			}
		}
		everybodySpoke(t, slices.Collect(maps.Keys(rows)))
		t.Logf("%d kinds of artefact, %d of them there for every function, the others absent; 0 skipped", len(rows), len(alwaysThere()))
	})
}

// alwaysThere is what no function lacks.
func alwaysThere() map[string]string {
	const account, function = "every account has one", "every function has one"
	return map[string]string{
		"lambda.code": function, "lambda.configuration": function, "lambda.configuration.versions": function, "lambda.recursion": function, "lambda.runtime": function,
		"iam.role": function, "iam.last-accessed": "IAM answers for every role",
		"lambda.account": account, "events.buses": account, "inspector2.status": "Inspector says of every account whether it is on",
		"cloudtrail.lookup": "that nothing was seen in the window is an answer with its window",
	}
}
