package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// accountSettings are the quotas that all functions of a region share: what an act that sets
// concurrency leaves to the others, and how much code is deployed.
func accountSettings() Collector {
	return Collector{
		Name: "lambda.account", About: "Lambda's quotas and use in the account and region",
		Needs: []awsapi.Need{need("Lambda:GetAccountSettings", "lambda:GetAccountSettings", "*")},
		Collect: func(ctx context.Context, j *Job) {
			if !j.run.claim("lambda account settings " + j.Target.Account + " " + j.Target.Region) {
				j.planned.Store(true) // another target of this run has them
				return
			}
			w := j.of("lambda.account", "", "", j.Target.Region, "Lambda:GetAccountSettings")
			w.name = "lambda." + j.Target.Region + ".account.json"
			fetch(ctx, j, w, j.lambda().GetAccountSettings, &lambda.GetAccountSettingsInput{})
		},
	}
}
