package collect

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// environment seals the values; it makes no call of its own: lambda.configuration
// has asked for them.
func environment() Collector {
	return Collector{
		Name: "lambda.environment", About: "environment variables of every version, sealed, with a redacted twin",
		Needs: []awsapi.Need{},
		Collect: func(ctx context.Context, j *Job) {
			j.eachVersion(ctx, "lambda.environment", "Lambda:GetFunction", func(w want, v versionFact) {
				j.sealEnvironment(ctx, w, j.facts.deployed(v.version).get(ctx))
			})
		},
	}
}

func (j *Job) sealEnvironment(ctx context.Context, w want, d deployed) {
	if d.asked && j.have(w) {
		return
	}
	switch {
	case !d.asked:
		return // stopped: close records what is planned and not done
	case d.err != nil && d.env == nil:
		j.skip(w, "depends on lambda.configuration "+w.src.Qualifier+", which could not be had")
		return
	case d.env == nil:
		j.none(w, d.stamp, "no environment variables")
		return
	}
	w.call = d.envCall
	// Once it is sealed nobody can look for them again, and whoever resumes has to.
	w.params = map[string]string{namedParam: strings.Join(secretsOf(d.env), " ")}
	if e := d.env.Error; e != nil {
		// KMS refused: not the same as empty.
		j.gap(w, d.stamp, evidence.Unreadable, clip(aws.ToString(e.ErrorCode)+": "+aws.ToString(e.Message)), "Lambda could not decrypt the environment")
		return
	}
	secret, err := json.Marshal(variables(d.env, func(v string) string { return v }))
	if err != nil {
		j.gap(w, d.stamp, evidence.Unreadable, "the environment cannot be encoded", "")
		return
	}
	twin, err := json.Marshal(variables(d.env, j.run.enc.redact))
	if err != nil {
		j.gap(w, d.stamp, evidence.Unreadable, "the environment cannot be encoded", "")
		return
	}
	j.putSecret(ctx, w, d.stamp, secret, twin)
}

// namedParam is where an environment's item says which stored secrets its values name.
const namedParam = "NamesSecrets"

func secretsOf(env *lambdatypes.EnvironmentResponse) []string {
	var all []string
	for _, v := range env.Variables {
		all = append(all, storedSecrets(v)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func variables(env *lambdatypes.EnvironmentResponse, show func(string) string) map[string]map[string]string {
	vars := make(map[string]string, len(env.Variables))
	for k, v := range env.Variables {
		vars[k] = show(v)
	}
	return map[string]map[string]string{"Variables": vars}
}
