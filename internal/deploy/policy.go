package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// statement of a policy as awsapi prints it.
type statement struct {
	Sid, Effect      string
	Action, Resource []string
	Condition        map[string]map[string]string
}

func policyOf(needs []awsapi.Need, resources func(string) []string, never []string) ([]statement, error) {
	text, err := awsapi.PolicyFor(needs, resources, never)
	if err != nil {
		return nil, err
	}
	var doc struct{ Statement []statement }
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the policy as it was made: %w", err)
	}
	return doc.Statement, nil
}

// written puts what the stack knows in the place of our words, for !Sub.
func written(s string) string {
	return strings.NewReplacer(
		encryptionKey, "${EncryptionKey.Arn}", alertQueue, "${AlertQueue.Arn}",
		"arn:aws:s3:::"+vaultBucket, "${VaultBucket.Arn}",
		"arn:*:iam::aws:", "arn:${AWS::Partition}:iam::aws:", "arn:aws:", "arn:${AWS::Partition}:",
		collectRole, "${CollectionRoleName}", containRole, "${ContainmentRoleName}", account, "${AWS::AccountId}",
	).Replace(s)
}

// scalar is a string in YAML, with !Sub where the stack has to fill something in.
func scalar(s string) string {
	w := written(s)
	q := "'" + strings.ReplaceAll(w, "'", "''") + "'"
	if strings.Contains(w, "${") {
		return "!Sub " + q
	}
	return q
}

// actions are those of a policy that is one statement, indented.
func actions(all []statement, indent int) (string, error) {
	if len(all) != 1 {
		return "", fmt.Errorf("%d statements where one is wanted", len(all))
	}
	var lines []string
	for _, a := range all[0].Action {
		lines = append(lines, strings.Repeat(" ", indent)+"- "+a)
	}
	return strings.Join(lines, "\n"), nil
}

// listed is a list of statements, indented.
func listed(all []statement, indent int) string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", indent+depth), fmt.Sprintf(format, args...))
	}
	for _, s := range all {
		line(0, "- Sid: %s", s.Sid)
		line(2, "Effect: %s", s.Effect)
		line(2, "Action:")
		for _, a := range s.Action {
			line(4, "- %s", scalar(a))
		}
		line(2, "Resource:")
		for _, r := range s.Resource {
			line(4, "- %s", scalar(r))
		}
		if len(s.Condition) == 0 {
			continue
		}
		line(2, "Condition:")
		for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
			line(4, "%s:", operator)
			for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
				line(6, "%s: %s", key, scalar(s.Condition[operator][key]))
			}
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
