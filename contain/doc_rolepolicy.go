package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// rolePolicy is one inline policy (Place.Key is its name) of the execution role.
type rolePolicy struct {
	Document string `json:"document"` // as it is written, so that undo restores it to the letter; "" is none of that name
}

const docRolePolicy = "iam.role.inline"

// Names of the inline policies. AWS's console writes revocations under the second:
// with the same name a revocation by hand and ours are one.
const (
	quarantinePolicy = "freezeframe-quarantine"
	revokePolicy     = "AWSRevokeOlderSessions"
)

func rolePolicyActs() []Act {
	doc := Doc[rolePolicy]{
		Name: docRolePolicy,
		Needs: []awsapi.Need{
			on("IAM:GetRolePolicy", "role ARN", false),
			on("IAM:PutRolePolicy", "role ARN", true),
			when(on("IAM:DeleteRolePolicy", "role ARN", true), "lifting"),
		},
		Resource: func(p Place) string { return p.Role },
		Region:   func(Place) string { return "" },
		Read:     readRolePolicy,
		Equal:    func(a, b rolePolicy) bool { return sameJSON(a.Document, b.Document) },
		Steps:    rolePolicySteps,
	}
	return Define(doc, quarantineEdit(), scopedEdit(), revokeEdit())
}

func quarantineEdit() Edit[rolePolicy] {
	return Edit[rolePolicy]{
		Name:  actQuarantine,
		About: "deny the role everything but writing the function's own log group",
		Lossy: "AWS may disable SQS, Kinesis and DynamoDB mappings by itself meanwhile; deliveries to the dead-letter queue that the role could not make are lost",
		Kind:  Isolate, Level: LevelStop, Attack: []string{"T1552", "T1078.004"},
		Answers: []Answer{{Kind: "role", Change: "created", Target: roleOfFinding}},
		On:      []TargetKind{OnRole}, RoleWide: true, Rank: roleRank,
		Keys:   func(*Survey) []string { return []string{quarantinePolicy} },
		Params: func(_ PlanInput, s *Survey) Params { return Params{"log_group": s.logGroupARN()} },
		Apply: func(_ Place, before rolePolicy, params Params) (rolePolicy, error) {
			groups := quarantined(before)
			if g := params["log_group"]; g != "" && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
			return keepIfSame(before, quarantine(groups))
		},
		Destroys: roleArtefacts,
		Breaks: func(s *Survey, _ map[string]rolePolicy) []Impact {
			all := sharers(s, "shares the role: loses every permission, its logs too")
			if s.Kind == OnFunction {
				all = append(all, Impact{What: "function", Resource: s.ARN, Detail: "loses every permission but its own logs; Lambda's own work on the role stops too: polling, environment key, network interfaces, dead-letter delivery"})
			} else {
				all = append(all, Impact{What: "role", Resource: s.Role, Detail: usersOf(s)})
			}
			return append(all, Impact{What: "sessions", Resource: s.Role, Detail: "sessions that were assumed from this role into others live on: contain those roles too"})
		},
		Contained: func(s rolePolicy) string {
			if s.Document != "" {
				return "a quarantine is on the role"
			}
			return ""
		},
	}
}

// logGroupARN is that of the function, "" of other targets.
func (v *Survey) logGroupARN() string {
	if v.LogGroup == "" {
		return ""
	}
	return fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", v.Partition, v.Region, v.Account, v.LogGroup)
}

func revokeEdit() Edit[rolePolicy] {
	return Edit[rolePolicy]{
		Name:  actRevoke,
		About: "deny every session of the role that was issued before now",
		Lossy: "warm environments keep their denied credentials until they are recycled",
		Kind:  Evict, Level: LevelIsolate, Attack: []string{"T1552", "T1078.004"},
		On: []TargetKind{OnRole}, RoleWide: true, Rank: roleRank, Timed: true, Revives: true,
		Keys: func(*Survey) []string { return []string{revokePolicy} },
		Params: func(in PlanInput, _ *Survey) Params {
			return Params{"not_before": in.Clock.Now().UTC().Format(time.RFC3339)}
		},
		Apply:    revoke,
		Destroys: roleArtefacts,
		Breaks: func(s *Survey, _ map[string]rolePolicy) []Impact {
			all := sharers(s, "shares the role: its warm environments lose their credentials")
			if s.Kind == OnFunction {
				return append(all, Impact{What: "function", Resource: s.ARN, Detail: "warm environments stay broken, new ones get new credentials"})
			}
			return append(all, Impact{What: "role", Resource: s.Role, Detail: "everybody in a session of it has to begin a new one"})
		},
		Worth: func(*Survey) []string {
			return []string{"whoever can assume the role again gets a session that works: close the way in too"}
		},
		Contained: func(s rolePolicy) string {
			if at, ok := revokedAt(s); ok {
				return "sessions from before " + at.UTC().Format(time.RFC3339) + " are revoked"
			}
			return ""
		},
	}
}

func sharers(s *Survey, detail string) []Impact {
	var all []Impact
	for _, f := range s.Sharing {
		all = append(all, Impact{What: "function", Resource: f, Detail: detail})
	}
	return all
}

// roleArtefacts are what the collection of a function holds of its role. Of another role
// nothing is destroyed but the document, which the run's bag keeps.
func roleArtefacts(p Place, before rolePolicy) []Artefact {
	if p.Kind == OnRole {
		return nil
	}
	all := []Artefact{{Name: "iam.role", ARN: p.Role}, {Name: "iam.role.inline", ARN: p.Role}}
	if before.Document != "" {
		all = append(all, Artefact{Name: "iam.role.inline.document", ARN: p.Role, Qualifier: p.Key})
	}
	return all
}

// quarantine lets the role write to these log groups and do nothing else: with the log
// actions excepted everywhere, a thief could forge other functions' logs.
func quarantine(groups []string) any {
	if len(groups) == 0 {
		return statements(map[string]any{"Sid": "FreezeframeQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*"})
	}
	slices.Sort(groups)
	var own []string
	for _, g := range groups {
		own = append(own, g, g+":*")
	}
	logs := []string{"logs:CreateLogStream", "logs:PutLogEvents"}
	return statements(
		map[string]any{"Sid": "FreezeframeQuarantine", "Effect": "Deny", "NotAction": logs, "Resource": "*"},
		map[string]any{"Sid": "FreezeframeOwnLogsOnly", "Effect": "Deny", "Action": logs, "NotResource": own},
	)
}

// quarantined are the log groups that a quarantine, and nothing but one, leaves open: a
// second function of the role adds its own.
func quarantined(s rolePolicy) []string {
	var doc struct {
		Statement []struct{ NotResource []string }
	}
	if json.Unmarshal([]byte(s.Document), &doc) != nil || len(doc.Statement) != 2 {
		return nil
	}
	var groups []string
	for _, r := range doc.Statement[1].NotResource {
		if g := strings.TrimSuffix(r, ":*"); !strings.ContainsAny(g, "*?") && !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if same, err := canonical(quarantine(groups)); err != nil || !sameJSON(string(same), s.Document) {
		return nil
	}
	return groups
}

func statements(all ...map[string]any) any {
	return map[string]any{"Version": "2012-10-17", "Statement": all}
}

// tokenTime is how AWS's console writes the time of a revocation.
const tokenTime = "2006-01-02T15:04:05.000Z"

// revoke writes the policy as AWS's console does. A revocation in place that is no
// older than the plan is left: it denies all that this one would.
func revoke(_ Place, before rolePolicy, params Params) (rolePolicy, error) {
	notBefore, err := time.Parse(time.RFC3339, params["not_before"])
	if err != nil {
		return rolePolicy{}, fmt.Errorf("%w: time of the revocation: %w", ErrBadPlan, err)
	}
	if at, ok := revokedAt(before); ok && !at.Before(notBefore) {
		return before, nil
	}
	at := notBefore
	if now := params[paramNow]; now != "" {
		if at, err = time.Parse(time.RFC3339, now); err != nil {
			return rolePolicy{}, fmt.Errorf("%w: time of apply: %w", ErrBadPlan, err)
		}
	}
	if at.Before(notBefore) {
		at = notBefore
	}
	// Issue times have whole seconds: those of this very second are denied too.
	return keepIfSame(before, revocation(at.Truncate(time.Second).Add(time.Second)))
}

func revocation(at time.Time) any {
	return statements(map[string]any{
		"Effect": "Deny", "Action": []string{"*"}, "Resource": []string{"*"},
		"Condition": map[string]any{"DateLessThan": map[string]any{"aws:TokenIssueTime": at.UTC().Format(tokenTime)}},
	})
}

// revokedAt is the time of a revocation that is nothing but one.
func revokedAt(s rolePolicy) (time.Time, bool) {
	var doc struct {
		Statement []struct {
			Condition struct {
				DateLessThan map[string]string
			}
		}
	}
	if json.Unmarshal([]byte(s.Document), &doc) != nil || len(doc.Statement) != 1 {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, doc.Statement[0].Condition.DateLessThan["aws:TokenIssueTime"])
	if err != nil {
		return time.Time{}, false
	}
	same, err := canonical(revocation(at))
	return at, err == nil && sameJSON(string(same), s.Document)
}

// keepIfSame keeps the document as it is written if it says the same.
func keepIfSame(before rolePolicy, want any) (rolePolicy, error) {
	b, err := canonical(want)
	if err != nil {
		return rolePolicy{}, err
	}
	if sameJSON(before.Document, string(b)) {
		return before, nil
	}
	return rolePolicy{string(b)}, nil
}

// sameJSON compares documents by value: order of members and spaces do not matter.
// "" and an unreadable one equal only themselves.
func sameJSON(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	ca, err1 := canonical(json.RawMessage(a))
	cb, err2 := canonical(json.RawMessage(b))
	if err1 != nil || err2 != nil {
		return a == b
	}
	return string(ca) == string(cb)
}

func readRolePolicy(ctx context.Context, cfg aws.Config, p Place) (rolePolicy, Token, error) {
	out, err := iamClient(cfg).GetRolePolicy(ctx, &iam.GetRolePolicyInput{
		RoleName: aws.String(roleName(p.Role)), PolicyName: aws.String(p.Key),
	})
	if isCode(err, "NoSuchEntity", "NoSuchEntityException") {
		return rolePolicy{}, "", nil
	}
	if err != nil {
		return rolePolicy{}, "", err
	}
	text := plainJSON(aws.ToString(out.PolicyDocument))
	if !json.Valid([]byte(text)) {
		return rolePolicy{}, "", fmt.Errorf("the document of %s is not JSON", p.Key)
	}
	return rolePolicy{text}, "", nil
}

func rolePolicySteps(p Place, _, to rolePolicy, _ Token) []Step {
	role, policy := aws.String(roleName(p.Role)), aws.String(p.Key)
	if to.Document == "" {
		in := &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: policy}
		return []Step{{"IAM:DeleteRolePolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).DeleteRolePolicy(ctx, in)
			return err
		}}}
	}
	in := &iam.PutRolePolicyInput{RoleName: role, PolicyName: policy, PolicyDocument: aws.String(to.Document)}
	return []Step{{"IAM:PutRolePolicy", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := iamClient(cfg).PutRolePolicy(ctx, in)
		return err
	}}}
}
