package collect

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func reportOf(t *testing.T, m *memory) (states map[evidence.State]string, doc []byte) {
	t.Helper()
	states = map[evidence.State]string{}
	for _, e := range m.entries {
		if e.Artefact != "iam.last-accessed" {
			continue
		}
		states[e.State] = e.Source.ARN
		if e.Gap != nil {
			states[e.State] = e.Gap.Call + " " + e.Gap.Error
		}
		if e.Item != nil {
			doc = m.bytes[key(e)]
		}
	}
	return states, doc
}

// TestLastAccessed: what somebody did with the role's keys stands in the report beside what
// the policies open and nobody used; making it changed nothing.
func TestLastAccessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		stolen, err := a.Cloud.ExecutionCredentials("arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function)
		if err != nil {
			t.Fatal(err)
		}
		cfg := adminConfig(a)
		cfg.Credentials = credentials.NewStaticCredentialsProvider(stolen.AccessKeyID, stolen.SecretAccessKey, stolen.SessionToken)
		if _, err := sqs.NewFromConfig(cfg).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("orders")}); err != nil {
			t.Fatal(err)
		}
		_, _ = iam.NewFromConfig(cfg).ListUsers(t.Context(), &iam.ListUsersInput{}) // refused, and no policy opens it
		before := a.Cloud.Digest()
		m, sum := collectSim(t, a, Options{Unpaced: true, Only: []string{"lambda.configuration", "iam.last-accessed"}})
		states, body := reportOf(t, m)
		if !sum.Complete || !strings.HasSuffix(states[evidence.Collected], ":role/service/payments-role") || a.Cloud.Digest() != before {
			t.Errorf("%v, %v", states, m.states())
		}
		var got struct {
			JobStatus, JobType, JobCompletionDate string
			ServicesLastAccessed                  []struct {
				ServiceNamespace, LastAuthenticatedEntity string
				TrackedActionsLastAccessed                []struct{ ActionName, LastAccessedRegion string }
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		var opened []string
		for _, s := range got.ServicesLastAccessed {
			opened = append(opened, s.ServiceNamespace)
			if used := s.LastAuthenticatedEntity != ""; used != (s.ServiceNamespace == "sqs") || used && (len(s.TrackedActionsLastAccessed) != 1 || s.TrackedActionsLastAccessed[0].ActionName != "GetQueueUrl") {
				t.Errorf("%+v", s)
			}
		}
		if got.JobStatus != "COMPLETED" || got.JobType != "ACTION_LEVEL" || got.JobCompletionDate == "" || strings.Join(opened, " ") != "logs s3 secretsmanager sqs ssm" {
			t.Errorf("%s", body)
		}
	})
}

// reports answers the calls of IAM's report, one after the other.
type reports struct {
	answers []string // JobStatus and more; "denied"
	asked   []string
}

func (s *reports) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	op := form.Get("Action")
	s.asked = append(s.asked, strings.TrimSpace(op+" "+form.Get("Marker")))
	result, status := "<JobId>"+strings.Repeat("1", 36)+"</JobId>", 200
	if op == "GetServiceLastAccessedDetails" {
		result = "<JobType>ACTION_LEVEL</JobType><JobCreationDate>2026-01-01T00:00:00Z</JobCreationDate>" + s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
	}
	text := "<" + op + "Response><" + op + "Result>" + result + "</" + op + "Result></" + op + "Response>"
	if strings.HasSuffix(result, "denied") {
		status, text = 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>injected</Message></Error></ErrorResponse>"
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// TestReportOfManyKinds: a report that takes its time, fails, is never done, comes in pages,
// or breaks off in one.
func TestReportOfManyKinds(t *testing.T) {
	const running, done = "<JobStatus>IN_PROGRESS</JobStatus><ServicesLastAccessed/>", "<JobStatus>COMPLETED</JobStatus><JobCompletionDate>2026-01-01T00:00:09Z</JobCompletionDate>"
	page := func(namespace, marker string) string {
		return done + "<ServicesLastAccessed><member><ServiceName>x</ServiceName><ServiceNamespace>" + namespace + "</ServiceNamespace></member></ServicesLastAccessed>" + marker
	}
	more := "<IsTruncated>true</IsTruncated><Marker>two</Marker>"
	for what, c := range map[string]struct {
		answers []string
		state   evidence.State
		says    string
	}{
		"slow":             {[]string{running, running, running, page("s3", "")}, evidence.Collected, `"ServiceNamespace":"s3"`},
		"never done":       {[]string{running}, evidence.Failed, errReportSlow.Error()},
		"failed":           {[]string{running, "<JobStatus>FAILED</JobStatus><Error><Code>Odd</Code><Message>so it is</Message></Error>"}, evidence.Failed, "Odd: so it is"},
		"of no status":     {[]string{"<JobStatus>LATER</JobStatus>"}, evidence.Failed, `its job is "LATER"`},
		"denied later":     {[]string{running, "denied"}, evidence.Denied, "AccessDenied"},
		"in pages":         {[]string{page("s3", more), page("sqs", "")}, evidence.Collected, `"ServiceNamespace":"sqs"`},
		"broken off":       {[]string{page("s3", more), "denied"}, evidence.Truncated, "AccessDenied"},
		"repeating itself": {[]string{page("s3", more)}, evidence.Truncated, errLoop.Error()},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := &reports{answers: c.answers}, newMemory()
				cfg := aws.Config{Region: bench.Region, HTTPClient: s, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "x", "")}
				r := newRunner(Inputs{Connect: func(string, []awsapi.Need, awsapi.Recorder) aws.Config { return cfg }}, m, Options{Unpaced: true}, func(error) {})
				f := newFacts()
				f.latest.keep(&lambdatypes.FunctionConfiguration{Role: aws.String(fakeRole)})
				target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
				if err != nil {
					t.Fatal(err)
				}
				collectLastAccessed(t.Context(), &Job{Target: target, c: lastAccessed(), run: r, facts: f})
				var all string
				states := map[evidence.State]bool{}
				for _, e := range m.entries {
					states[e.State] = true
					all += string(m.bytes[key(e)])
					if e.Gap != nil {
						all += e.Gap.Error
					}
				}
				if len(states) != 1 || !states[c.state] || !strings.Contains(all, c.says) {
					t.Errorf("%v: %s, asked %v", states, all, s.asked)
				}
				if n := len(s.asked); n > 30 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}
