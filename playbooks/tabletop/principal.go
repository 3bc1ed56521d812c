package tabletop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

func provider(c awssim.Credentials) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

// actor is somebody at work: with these credentials, from this address, with this program.
type actor struct{ who, address, agent string }

// as is a client configuration for an actor.
func (w *World) as(a actor) aws.Config {
	return aws.Config{
		Region:       w.Scenario.Region,
		BaseEndpoint: aws.String(Endpoint),
		Credentials:  provider(w.creds(a.who)),
		HTTPClient:   &road{w.Cloud.Client(), a},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// road puts the actor's address and program on each request.
type road struct {
	client *http.Client
	actor  actor
}

// Do sends the request as the actor. Neither header is part of the signature.
func (r *road) Do(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Forwarded-For", r.actor.address)
	req.Header.Set("User-Agent", r.actor.agent)
	return r.client.Do(req)
}

// denial is the error code for people, or the message where there is none.
func denial(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
}

// responderPolicy allows what collect and contain declare, and nothing else: an
// exercise in which a declared permission is missing fails.
func responderPolicy() string {
	var actions []string
	for _, needs := range [][]awsapi.Need{collect.Needs(collect.All), collect.ResolveNeeds(), contain.Needs()} {
		for _, n := range needs {
			for _, g := range n.IAM {
				if !slices.Contains(actions, g.Action) {
					actions = append(actions, g.Action)
				}
			}
		}
	}
	slices.Sort(actions)
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Sid": "FreezeframeResponder", "Effect": "Allow", "Action": actions, "Resource": "*"},
	}})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(doc)
}

// step is one thing done in history; do runs them until one fails.
func do(ctx context.Context, steps ...func(context.Context) error) error {
	for _, s := range steps {
		if err := s(ctx); err != nil {
			return err
		}
	}
	return nil
}
