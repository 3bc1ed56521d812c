package practices

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// cutVerb cuts a format at its next "%s".
func cutVerb(format string) (before, after string, ok bool) { return strings.Cut(format, "%s") }

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=@,+][A-Za-z0-9_./:=@,+-]*$`)

// shell fills the "%s" of a command with values, each as one word that no shell reads as
// anything else. A value that cannot be pasted (control or invisible characters) becomes a word
// that says so, and no AWS API takes it for a name.
func shell(command string, values ...string) string {
	return filled(command, values, func(v string) string {
		switch {
		case plain.MatchString(v):
			return v
		case unprintable(v):
			return `'<not printable: see the evidence>'`
		case strings.HasPrefix(v, "-"): // the AWS CLI would take it for an option
			return `'<begins with a dash: see the evidence>'`
		}
		return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
	})
}

// hcl fills the "%s" of a piece of Terraform with values, each a quoted string.
func hcl(text string, values ...string) string {
	return filled(text, values, func(v string) string {
		if unprintable(v) {
			return `"<not printable: see the evidence>"`
		}
		v = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(v)
		return `"` + v + `"`
	})
}

func filled(text string, values []string, quoted func(string) string) string {
	var b strings.Builder
	for _, v := range values {
		before, after, _ := cutVerb(text)
		b.WriteString(before)
		b.WriteString(quoted(v))
		text = after
	}
	b.WriteString(text)
	return b.String()
}

func unprintable(s string) bool {
	return safetext.Hides(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || !unicode.IsPrint(r) })
}

// nameOf is the last part of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

// part is the nth part of an ARN, "" where there is none.
func part(arn string, n int) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || n >= len(p) {
		return ""
	}
	return p[n]
}

// count is "3 statements".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
