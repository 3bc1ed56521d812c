package notice

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// shown is a text with all that hides spelled out, and at most so many characters.
func shown(s string, most int) string {
	if len(s) > 8*most { // enough of it, before anything walks through it
		s = s[:8*most]
	}
	s = safetext.Escape(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	r := []rune(s)
	return string(r[:most-3]) + "..."
}

// schemes of addresses that readers' programs make links of without slashes.
var schemes = []string{"mailto", "tel", "sms", "sip", "javascript", "data", "slack", "msteams", "ms-excel", "ms-word", "file", "callto", "skype", "news", "magnet", "geo"}

// inert is a text in which no reader's program finds an address or a mention, as people write
// addresses that nobody is to follow: https[:]//, name[.]example, somebody[at]example.
func inert(s string) string {
	var b strings.Builder
	r := []rune(s)
	for i, c := range r {
		switch {
		case c == '@' || c == '＠' || c == '﹫':
			b.WriteString("[at]")
		case c == ':' && (followed(r, i, "//") || followed(r, i, `\\`) || afterScheme(r, i)):
			b.WriteString("[:]")
		case dot(c) && i > 0 && i+2 < len(r) && word(r[i-1]) && word(r[i+1]) && word(r[i+2]) && !(unicode.IsDigit(r[i-1]) && unicode.IsDigit(r[i+1])):
			b.WriteString("[.]")
		case (c == '\\' || c == '/') && i+1 < len(r) && r[i+1] == c && (i == 0 || r[i-1] != ':' && r[i-1] != ']' && r[i-1] != c):
			b.WriteString("[" + string(c) + "]")
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func dot(c rune) bool  { return c == '.' || c == '。' || c == '．' || c == '｡' || c == '․' }
func word(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '-' || c == '_' }

func followed(r []rune, i int, by string) bool {
	return strings.HasPrefix(string(r[i+1:min(len(r), i+3)]), by)
}

// afterScheme says whether what ends at i is the scheme of an address.
func afterScheme(r []rune, i int) bool {
	from := i
	for from > 0 && (word(r[from-1])) {
		from--
	}
	name := strings.ToLower(string(r[from:i]))
	for _, s := range schemes {
		if name == s {
			return true
		}
	}
	return false
}

// markup replaces Slack's three control characters, which alone begin its mentions and links:
// https://docs.slack.dev/messaging/formatting-message-text/ ("Escaping text"). Teams' old form of
// messages reads them the same.
var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Command is a command that can be pasted into a shell, "" if one of its words could not be shown
// there as it is.
func Command(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		for _, c := range w {
			if c < 0x20 || c > 0x7e || c == '`' {
				return ""
			}
		}
		if out[i] = w; w == "" || strings.ContainsFunc(w, special) {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// special: what a shell may read as more than a character.
func special(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+,=", c))
}
