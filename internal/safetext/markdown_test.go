package safetext

import "testing"

// TestMarkdown: what renders as something else than itself gets a backslash, and text stays text.
func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"payments-role, version 3": "payments-role, version 3",
		"a|b":                      `a\|b`,
		"[x](http://e.example)":    `\[x\]\(http\://e.example\)`,
		"www.e.example":            `www\.e.example`,
		"<img src=x>":              `\<img src=x\>`,
		"&lt;":                     `\&lt;`,
		"```":                      "\\`\\`\\`",
		"line\nbreak":              `line\\nbreak`,
		"hey @team":                `hey \@team`,
		"\x1b[2J":                  `\\x1b\[2J`,
	} {
		if got := Markdown(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
