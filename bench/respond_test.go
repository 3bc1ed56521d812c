package bench

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

const (
	// stopLimit and evidenceLimit are how long it may take from an alert to concurrency 0, and to the
	// first sealed evidence of a function of 10 MB.
	stopLimit     = 2 * time.Second
	evidenceLimit = 5 * time.Second
)

const stopMandate = `mandate: freezeframe.mandate/1
name: bench
about: stop what calls out
valid: {from: %s, until: %s}
rules:
  - name: stop
    alerts: {kinds: [guardduty], types: ["Trojan:Lambda/*"]}
    functions: {accounts: ["%s"], regions: [%s], names: ["*"], shared_role: 100}
    acts: {level: stop}
    limits: {per_function: 1, per_day: 5}
    expires: 4h
`

// BenchmarkRespond deals with an alert about a function of 10 MB, 50 ms added to every answer, with the
// pace that keeps below AWS's quotas: how long until the function's concurrency is 0, which the signed
// mandate allows, and until its first evidence, the code within it, is sealed.
func BenchmarkRespond(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		a, err := NewAccount(b.Context(), awssim.Config{Quotas: true}, 1, 10<<20)
		if err != nil {
			b.Fatal(err)
		}
		r := &responder{b: b, a: a, dir: b.TempDir()}
		message := r.alert()
		a.Cloud.SetLatency(latency)
		calls, began := len(a.Cloud.Calls()), time.Now()
		b.StartTimer()
		stopped, sealed := r.respond(message)
		b.StopTimer()
		for _, c := range a.Cloud.Calls()[calls:] {
			if c.Operation == "PutFunctionConcurrency" {
				stopped = c.Time
			}
		}
		if stopped.IsZero() || sealed.IsZero() {
			b.Fatalf("stopped at %s, sealed at %s", stopped, sealed)
		}
		b.ReportMetric(stopped.Sub(began).Seconds(), "s-to-stop")
		b.ReportMetric(float64(stopped.Sub(began))/float64(stopLimit), "x-stop")
		b.ReportMetric(sealed.Sub(began).Seconds(), "s-to-evidence")
		b.ReportMetric(float64(sealed.Sub(began))/float64(evidenceLimit), "x-evidence")
		b.StartTimer()
	}
}

type responder struct {
	b   *testing.B
	a   *Account
	dir string
}

func (r *responder) must(err error) {
	r.b.Helper()
	if err != nil {
		r.b.Fatal(err)
	}
}

// alert is what GuardDuty says of the function.
func (r *responder) alert() []byte {
	ctx, g := r.b.Context(), guardduty.NewFromConfig(r.session(false).Config("", []awsapi.Need{{Call: "GuardDuty:ListDetectors"}, {Call: "GuardDuty:ListFindings"}, {Call: "GuardDuty:GetFindings"}}))
	detectors, err := g.ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	r.must(err)
	ids, err := g.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: &detectors.DetectorIds[0]})
	r.must(err)
	all, err := g.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: &detectors.DetectorIds[0], FindingIds: ids.FindingIds})
	r.must(err)
	for _, f := range all.Findings {
		if *f.Resource.ResourceType == "Lambda" {
			b, err := json.Marshal(f)
			r.must(err)
			return b
		}
	}
	r.b.Fatal("no finding of a function")
	return nil
}

func (r *responder) session(readOnly bool) *awsapi.Session {
	s, err := awsapi.Connect(r.b.Context(), awsapi.Options{Region: Region, EndpointURL: Endpoint, HTTPClient: r.a.Cloud.Client(), ReadOnly: readOnly,
		Credentials: credentials.NewStaticCredentialsProvider(r.a.Keys.AccessKeyID, r.a.Keys.SecretAccessKey, "")})
	r.must(err)
	return s
}

func (r *responder) held() (*mandate.Held, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	signer, err := evidence.ParseLocalKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	text := fmt.Appendf(nil, stopMandate, now.Add(-time.Hour).Format(time.RFC3339), now.Add(24*time.Hour).Format(time.RFC3339), AccountID, Region)
	x, err := mandate.Sign(r.b.Context(), signer, text)
	if err != nil {
		return nil, err
	}
	return mandate.Hold("m.yaml", text, act.Acts(), []mandate.Signature{x}, []*ecdsa.PublicKey{&key.PublicKey})
}

// respond deals with the alert until the first step of its playbook has sealed evidence.
func (r *responder) respond(message []byte) (stopped, sealed time.Time) {
	ctx, stop := context.WithCancel(r.b.Context())
	defer stop()
	place, err := vault.NewFolder(r.dir)
	r.must(err)
	held, err := r.held()
	r.must(err)
	env := func() *playbooks.Env {
		return &playbooks.Env{Operator: "bench", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "bench"}, Say: func(string) {}, Tell: func(step playbooks.StepReport) {
			if step.Status == playbooks.Succeeded && sealed.IsZero() {
				sealed = time.Now()
				stop() // the rest is not what is measured
			}
		}}
	}
	open := func(ctx context.Context, id, title string) (*evidence.Case, error) {
		v, err := vault.NewFolder(filepath.Join(r.dir, id))
		if err != nil {
			return nil, err
		}
		c, _, err := respond.OpenCase(ctx, v, evidence.CaseOptions{Title: title, Authority: "bench", Operator: "bench", Home: r.dir})
		return c, err
	}
	reads := func(context.Context, *evidence.Case, string) (*awsapi.Session, error) { return r.session(true), nil }
	o := respond.Options{Case: open, Session: reads, Env: env, Board: board.On(place, "bench"), Now: time.Now}
	o.Act = act.New(act.Options{
		Board: o.Board, Mandate: func(context.Context) (*mandate.Held, error) { return held, nil },
		Case:    func(ctx context.Context, id string) (*evidence.Case, error) { return open(ctx, id, "") },
		Session: reads, Contain: func(context.Context, *evidence.Case, string) (*awsapi.Session, error) { return r.session(false), nil },
		Env: env, Regions: []string{Region}, Now: time.Now,
	}).Act
	all, err := respond.Respond(ctx, bytes.NewReader(message), o)
	if err != nil || len(all) != 1 || all[0].Acted == nil || all[0].Acted.Contained.IsZero() {
		r.b.Fatalf("%+v %v", all, errors.Join(err, all[0].Err))
	}
	return all[0].Acted.Contained, sealed
}
