package practices

import (
	"os/exec"
	"strings"
	"testing"
)

// TestShell lets a shell read what was quoted: it has to come out as one word, as it went in.
func TestShell(t *testing.T) {
	for _, v := range []string{"plain-name", "a b", "$(id)", "`id`", "it's", `"; id; "`, "a\\", "*", "~", "!x", "#x", "", "a&b|c>d", "%s"} {
		out, err := exec.Command("sh", "-c", shell("printf %s %s", "%s|", v)+shell(" %s", "end")).Output()
		if err != nil || string(out) != v+"|end|" {
			t.Errorf("%q came out as %q, %v", v, out, err)
		}
	}
	for _, v := range []string{"a\nb", "\x1b[31m", "a\u202eb", "\x00", "a\u200bb", "-x", "--endpoint-url=http://evil.example"} {
		if got := shell("aws %s", v); strings.Contains(got, v) || !strings.HasPrefix(got, "aws '<") {
			t.Errorf("%q: %q", v, got)
		}
	}
}

func TestHCL(t *testing.T) {
	for v, want := range map[string]string{"a": `"a"`, `"${file("x")}`: `"\"$${file(\"x\")}"`, "%{ if x }": `"%%{ if x }"`, `a\`: `"a\\"`, "a\nb": `"<not printable: see the evidence>"`} {
		if got := hcl("%s", v); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}

func TestSay(t *testing.T) {
	got := say("policy %s of %s", "x\x1b[31m", "y")
	if len(got) != 4 || got[0].Foreign || !got[1].Foreign || got[2].Foreign || !got[3].Foreign || got.String() != "policy x\x1b[31m of y" {
		t.Errorf("%+v", got)
	}
}
