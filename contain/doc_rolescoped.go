package contain

import (
	"errors"
	"fmt"
	"strings"
)

// actScoped is the deny for a role that others use too.
const actScoped = "role-quarantine-scoped"

// scopedPolicy is its inline policy, one for each function.
func scopedPolicy(function string) string { return "freezeframe-quarantine-" + function }

// scopedEdit denies by aws:userid: Lambda names its sessions after the function, and the
// name goes with stolen keys wherever they are used.
func scopedEdit() Edit[rolePolicy] {
	return Edit[rolePolicy]{
		Name:  actScoped,
		About: "deny the role everything in this function's sessions alone (aws:userid), sparing others that use it",
		Lossy: "AWS may disable SQS, Kinesis and DynamoDB mappings by itself meanwhile; deliveries to the dead-letter queue that the role could not make are lost",
		Kind:  Isolate, Attack: []string{"T1552", "T1078.004"},
		On: []TargetKind{OnRole}, InsteadOf: actQuarantine, Rank: roleRank,
		Parts: []string{partRole},
		Keys: func(s *Survey) []string {
			if s.Kind != OnFunction {
				return nil // a role's other users are known by no name
			}
			return []string{scopedPolicy(s.Function)}
		},
		Params: func(_ PlanInput, s *Survey) Params {
			return Params{"log_group": s.logGroupARN(), "user_id": s.ID + ":" + s.Function}
		},
		Apply: func(_ Place, before rolePolicy, params Params) (rolePolicy, error) {
			if !strings.HasPrefix(params["user_id"], "AROA") {
				return rolePolicy{}, errors.New("the role's id is not known")
			}
			return keepIfSame(before, scoped(params["log_group"], params["user_id"]))
		},
		Destroys: roleArtefacts,
		Breaks: func(s *Survey, _ map[string]rolePolicy) []Impact {
			return []Impact{{What: "function", Resource: s.ARN, Detail: "loses every permission but its own logs; Lambda's own polling and deliveries for it go by other session names and may go on"}}
		},
		Worth: scopedWorth,
		Contained: func(s rolePolicy) string {
			if s.Document != "" {
				return "a quarantine of this function's sessions is on the role"
			}
			return ""
		},
	}
}

// scopedWorth says against whom the deny is worth nothing: whoever can take a session
// with another name.
func scopedWorth(s *Survey) []string {
	all := []string{"worth nothing against a session with another name than " + s.Function + ": whoever may pass the role (iam:PassRole) can give it to a function of their own"}
	if s.Trust == "" {
		return append(all, "the trust policy could not be read: who else may assume the role is not known")
	}
	for _, t := range trusted(s) {
		all = append(all, fmt.Sprintf("worth nothing against %s, whom the trust policy lets take sessions under any name", t))
	}
	return all
}

func scoped(group, userID string) any {
	condition := map[string]any{"StringLike": map[string]any{"aws:userid": userID}}
	logs := []string{"logs:CreateLogStream", "logs:PutLogEvents"}
	return statements(
		map[string]any{"Sid": "FreezeframeQuarantine", "Effect": "Deny", "NotAction": logs, "Resource": "*", "Condition": condition},
		map[string]any{"Sid": "FreezeframeOwnLogsOnly", "Effect": "Deny", "Action": logs, "NotResource": []string{group, group + ":*"}, "Condition": condition},
	)
}
