package tabletop

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

func provider(c awssim.Credentials) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

// denial is the error code for people, or the message where there is none.
func denial(err error) string {
	if api, ok := errors.AsType[*awssim.ActError](err); ok {
		return api.Code
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
