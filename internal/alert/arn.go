package alert

import (
	"regexp"
	"strings"
)

// partitions are AWS's, as far as is known here.
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

type arn struct{ partition, service, region, account, resource string }

var partitionForm = regexp.MustCompile(`^aws[a-z-]{0,20}$`)

func parseARN(s string) (arn, bool) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || len(s) > maxName || !partitionForm.MatchString(p[1]) || p[2] == "" || p[5] == "" {
		return arn{}, false
	}
	return arn{p[1], p[2], p[3], p[4], p[5]}, true
}

var (
	functionForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,140}$`)
	qualifierForm = regexp.MustCompile(`^(\$LATEST|[A-Za-z0-9_-]{1,128})$`)
)

// functionARN reads the ARN of a function, with or without qualifier. $LATEST is no qualifier:
// it is the function as it is.
func functionARN(s string) (Target, bool) {
	a, ok := parseARN(s)
	if !ok || a.service != "lambda" || !accountForm.MatchString(a.account) || !regionForm.MatchString(a.region) {
		return Target{}, false
	}
	rest, ok := strings.CutPrefix(a.resource, "function:")
	if !ok {
		return Target{}, false
	}
	name, qualifier, has := strings.Cut(rest, ":")
	if !functionForm.MatchString(name) || has && !qualifierForm.MatchString(qualifier) {
		return Target{}, false
	}
	t := Target{Name: name, Qualifier: version(qualifier), Account: a.account, Region: a.region, Partition: a.partition}
	t.ARN = t.arn()
	return t, true
}

func version(qualifier string) string {
	if qualifier == "$LATEST" {
		return ""
	}
	return qualifier
}

func (t Target) arn() string {
	return strings.Join([]string{"arn", t.Partition, "lambda", t.Region, t.Account, "function", t.Name}, ":")
}

// functionNamed reads what the Lambda API takes for a function: an ARN, ACCOUNT:function:NAME, or a
// name, each with or without qualifier. account and region are of the call.
func functionNamed(s, account, region string) (Target, bool) {
	if t, ok := functionARN(s); ok {
		return t, true
	}
	if strings.HasPrefix(s, "arn:") {
		return Target{}, false
	}
	if owner, rest, ok := strings.Cut(s, ":function:"); ok {
		if !accountForm.MatchString(owner) {
			return Target{}, false
		}
		account, s = owner, rest
	}
	name, qualifier, has := strings.Cut(s, ":")
	if !functionForm.MatchString(name) || has && !qualifierForm.MatchString(qualifier) {
		return Target{}, false
	}
	return Target{Name: name, Qualifier: version(qualifier), Account: account, Region: region}, true
}

// roleOf takes a role's ARN, or the ARN of a session of it, and gives the name.
func roleOf(s string) (name, session string, ok bool) {
	a, ok := parseARN(s)
	if !ok {
		return "", "", false
	}
	if rest, is := strings.CutPrefix(a.resource, "role/"); is && a.service == "iam" {
		return rest[strings.LastIndexByte(rest, '/')+1:], "", true
	}
	if rest, is := strings.CutPrefix(a.resource, "assumed-role/"); is && a.service == "sts" {
		name, session, _ = strings.Cut(rest, "/")
		return name, session, name != ""
	}
	return "", "", false
}

// guardDutyFinding takes a GuardDuty finding's ARN apart.
func guardDutyFinding(s string) (id, region string, ok bool) {
	a, ok := parseARN(s)
	if !ok || a.service != "guardduty" {
		return "", "", false
	}
	detector, id, ok := strings.Cut(a.resource, "/finding/")
	return id, a.region, ok && strings.HasPrefix(detector, "detector/") && id != "" && !strings.Contains(id, "/")
}

// productOf is the end of a product's ARN (product/aws/guardduty, productv2/aws/guardduty):
// whose finding it is, alike in both generations of Security Hub.
func productOf(s string) string {
	a, ok := parseARN(s)
	if !ok {
		return s
	}
	for _, prefix := range []string{"product/", "productv2/"} {
		if rest, is := strings.CutPrefix(a.resource, prefix); is {
			return rest
		}
	}
	return s
}
