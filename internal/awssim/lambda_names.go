package awssim

import (
	"regexp"
	"strings"
)

// functionName is what a caller may write for a function: a name, a partial or a full
// ARN, each with or without a qualifier (AWS: the pattern of FunctionName in every request).
type functionName struct{ region, account, name, qualifier string }

var regionName = regexp.MustCompile(`^(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d$`)

// parseFunctionName takes parts from the left as the pattern does: each is optional but
// for the name. The codec has checked the pattern.
func parseFunctionName(s string) functionName {
	part := strings.Split(s, ":")
	if part[0] == "arn" && len(part) > 3 {
		part = part[3:] // arn:aws:lambda:
	}
	var n functionName
	take := func(fits func(string) bool) string {
		if len(part) < 2 || !fits(part[0]) {
			return ""
		}
		first := part[0]
		part = part[1:]
		return first
	}
	n.region = take(regionName.MatchString)
	n.account = take(isAccountID)
	take(func(s string) bool { return s == "function" })
	n.name = part[0]
	if len(part) > 1 {
		n.qualifier = part[1]
	}
	return n
}

func isAccountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }
