package contain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// TestRotations: what the role opens and the environment holds is listed at level evict and
// no lower, never a value, and never to be rotated by a function that is in scope.
func TestRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		plan := func(l Level) *Plan {
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Level: l, Functions: []string{bench.Function}, AcceptSharedRole: true})
			must(t, err)
			return p
		}
		kinds := func(p *Plan) []string {
			var all []string
			for _, r := range p.Rotate {
				all = append(all, r.Kind+" "+r.Resource[strings.LastIndexAny(r.Resource, ":")+1:][:4])
			}
			slices.Sort(all)
			return all
		}
		if p := plan(LevelIsolate); len(p.Rotate) > 0 {
			t.Errorf("at level isolate: %+v", p.Rotate)
		}
		p := plan(LevelEvict)
		if diff := cmp.Diff([]string{"environment paym", "parameter para", "secret shop"}, kinds(p)); diff != "" {
			t.Error(diff)
		}
		text, err := p.Encode()
		must(t, err)
		if strings.Contains(string(text), bench.Secret) || !strings.Contains(string(text), "DB_PASSWORD") {
			t.Error("the plan tells a value, or no name")
		}
		secret := func(p *Plan) Rotation {
			return p.Rotate[slices.IndexFunc(p.Rotate, func(r Rotation) bool { return r.Kind == "secret" })]
		}
		if r := secret(p); r.By != "" || !strings.Contains(r.Wait, "every reader") {
			t.Errorf("%+v", r)
		}
		vault := secretsmanager.NewFromConfig(f.session.Config(bench.Region, []awsapi.Need{on("SecretsManager:RotateSecret", "*", true)}))
		_, err = vault.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("shop/db"), RotateImmediately: aws.Bool(false), RotationLambdaARN: aws.String(p.Targets[0].ARN)})
		must(t, err)
		if r := secret(plan(LevelEvict)); r.By != p.Targets[0].ARN || !strings.HasPrefix(r.Wait, "never by its rotation function") {
			t.Errorf("%+v", r)
		}
	})
}
