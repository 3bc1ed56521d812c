package collect

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// The tests here say of the simulated account what the others say of a scripted one.

// newCase opens a case in a folder of the test's own.
func newCase(t *testing.T) *evidence.Case {
	t.Helper()
	return newCaseFor(t)
}

// newCaseFor seals to the given keys.
func newCaseFor(t *testing.T, recipients ...string) *evidence.Case {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.NewFolder(filepath.Join(dir, "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: filepath.Join(dir, "home"), Recipients: recipients})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func simAccount(t *testing.T, c awssim.Config) *bench.Account {
	t.Helper()
	a, err := bench.NewAccount(t.Context(), c, 3, 32<<10)
	if api, ok := errors.AsType[smithy.APIError](err); ok && strings.Contains(api.ErrorMessage(), "not simulated") {
		t.Skip("SKIPPED LOUDLY: the simulated account lacks what this needs: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func collectSim(t *testing.T, a *bench.Account, o Options) (*memory, Summary) {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return collectFunction(t, s, bench.Function, o)
}

// collectFunction is collectSim of a function that is named.
func collectFunction(t *testing.T, s *awsapi.Session, function string, o Options) (*memory, Summary) {
	t.Helper()
	target, err := ParseTarget(bench.AccountID, bench.Region, function)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	sum, err := Run(t.Context(), Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, sum
}

func TestSimulatedAccountIsCollectedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{Quotas: true})
		time.Sleep(2 * time.Second) // making the account used up its quotas
		before := a.Cloud.Digest()
		var mu sync.Mutex
		made := map[string]map[string]bool{}
		m, sum := collectSim(t, a, Options{TrailBuckets: []string{AutoTrailBucket}, Record: func(c string, x awsapi.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if made[c] == nil {
				made[c] = map[string]bool{}
			}
			made[c][x.Call] = true
			if x.Error != "" && x.Error != "ResourceNotFoundException" {
				t.Errorf("%s: %s", x.Call, x.Error)
			}
		}})
		if !sum.Complete {
			for k, s := range m.states() {
				if !s.Complete() {
					t.Errorf("%s: %s %+v", k, s, gapOf(m, k))
				}
			}
		}
		if a.Cloud.Digest() != before {
			t.Error("collecting changed the account")
		}
		for _, c := range a.Cloud.Calls() {
			if !c.ReadOnly {
				continue // the account was made in a hurry
			}
			if c.ErrorCode == "TooManyRequestsException" || c.ErrorCode == "ThrottlingException" {
				t.Errorf("%s ran into its quota", c.Operation)
			}
		}
		for _, c := range Catalogue() {
			for _, n := range c.Needs {
				if n.When == "" && !made[c.Name][n.Call] {
					t.Errorf("%s declares %s and never made it", c.Name, n.Call)
				}
			}
		}
		for k, b := range m.bytes {
			if strings.Contains(string(b), bench.Secret) {
				t.Errorf("%s holds a secret in clear", k)
			}
		}
		if n := strings.Count(string(m.bytes["lambda.mappings payments"]), `"UUID"`); n != 2 {
			t.Errorf("%d mappings: %s", n, m.bytes["lambda.mappings payments"])
		}
	})
}
