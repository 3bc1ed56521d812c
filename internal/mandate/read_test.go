package mandate

import (
	"errors"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestExample: the mandate that docs/respond.md shows is one.
func TestExample(t *testing.T) {
	m, err := Read("respond.md", []byte(example(t)), acts())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Rules) != 1 || len(m.keys) != 1 || m.Rules[0].Functions.SharedRole != 3 || len(m.SHA256) != 64 {
		t.Errorf("%+v", m)
	}
}

// TestMistakes: each is told with its line and column, and with what was probably meant.
func TestMistakes(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	text := withApprovers(t, keys)
	// Lines are counted from the rule, so that an approver more or less changes nothing.
	cut := func(text string) (head, rule string) {
		i := strings.Index(text, "rules:\n")
		return text[:i], text[i:]
	}
	head, _ := cut(text)
	offset := strings.Count(head, "\n")
	for _, c := range []struct {
		from, to string
		line     int // from "rules:", or of the file where it is negative
		column   int
		says     string
	}{
		{"mandate: freezeframe.mandate/1", "mandate: freezeframe.mandate/2", -1, 10, "this build reads freezeframe.mandate/1"},
		{"mandate: freezeframe.mandate/1", "mandat: freezeframe.mandate/1", -1, 1, `unknown key "mandat" (did you mean "mandate"?)`},
		{"name: night-shift", "name: Night Shift", -2, 7, "lower-case letters"},
		{"from: 2026-11-01T00:00:00Z", "from: yesterday", -5, 15, "a time such as"},
		{"until: 2027-02-01T00:00:00Z", "until: 2026-10-01T00:00:00Z", -5, 44, "until is not after from"},
		{"name: pat\n", "name: olive\n", -14, 11, `approver "olive": the name or the key is there twice`},
		{"-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", -9, 10, "one public P-256 key in PEM is wanted"},
		{"kinds: [guardduty] ", "kinds: [gaurdduty] ", 5, 15, `kind "gaurdduty" is not known (did you mean "guardduty"?)`},
		{"kinds: [guardduty] ", "kinds: [unknown] ", 5, 15, `kind "unknown" is not known`},
		{"kinds: [guardduty] ", "kinds: [] ", 3, 5, "alerts kinds is empty"},
		{"kinds: [guardduty] ", "kind: [guardduty] ", 5, 7, `unknown key "kind" (did you mean "kinds"?)`},
		{"severity: high", "severity: hihg", 7, 17, `severity "hihg" is not known (did you mean "high"?)`},
		{"named_by: [arn]", "named_by: [tag]", 8, 18, `named_by "tag" is not known`},
		{`"111122223333"`, `111122223333`, 10, 18, "a text is wanted: put it between quotes"},
		{`"111122223333"`, `"*"`, 10, 18, "twelve digits are wanted"},
		{"[eu-west-1]", "[EU]", 11, 17, `region "EU" is none`},
		{`"payments*"`, `""`, 12, 15, "a text of 1 to 512 bytes"},
		{"env: [prod, staging]", "env: []", 3, 5, "tag env is empty"},
		{"shared_role: 3", "shared_role: -1", 3, 5, "shared_role is -1"},
		{"zone: Europe/Berlin", "zone: Berlin", 16, 19, `zone "Berlin" is none`},
		{"zone: Europe/Berlin", "zone: ../../etc/passwd", 16, 19, "is none"},
		{"zone: Europe/Berlin", "zone: Local", 16, 19, "is none"},
		{"days: [mon", "days: [monday", 16, 41, `day "monday" is not known`},
		{`from: "20:00"`, `from: "8pm"`, 16, 73, "a time of day such as"},
		{`to: "07:00"`, `to: "20:00"`, 16, 86, "leave hours out to mean always"},
		{"level: isolate", "level: isolat", 17, 19, `level "isolat" is not known (did you mean "isolate"?)`},
		{"names: [retention-longer]", "names: [retention-longe]", 17, 36, `act "retention-longe" is not known (did you mean "retention-longer"?)`},
		{"acts: {level: isolate, names: [retention-longer]}", "acts: {}", 17, 11, "a level or names are wanted"},
		{"playbook: lambda-compromise", "playbook: ../x", 18, 15, "is no name of one"},
		{"per_function: 2", "per_function: 0", 19, 13, "at least 1 each"},
		{"per_function: 2, per_day: 5", "per_day: 5", 19, 13, `key "per_function" is missing`},
		{"expires: 4h", "expires: 90d", 20, 14, "a duration such as"},
		{"expires: 4h", "expires: 1m", 3, 5, "10m0s to 168h0m0s are wanted"},
		{"expires: 4h", "expires: 8000h", 3, 5, "are wanted"},
		{"    expires: 4h", "    x-expires: 4h", 3, 5, `unknown key "x-expires"`},
		{"approvals: 0", "approvals: 3", 3, 5, "3 approvals: 0 to 2"},
		{"rules:\n", "rules: &a\n", 1, 8, "anchors and aliases are not allowed"},
		{"- name: stop-what-calls-out", "- name: Stop!", 3, 11, "lower-case letters"},
	} {
		if !strings.Contains(text, c.from) {
			t.Fatalf("%q is not in the mandate", c.from)
		}
		_, err := Read("m.yaml", []byte(strings.Replace(text, c.from, c.to, 1)), acts())
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok {
			t.Errorf("%s: it is read: %v", c.to, err)
			continue
		}
		line := offset + c.line
		if c.line < 0 {
			line = -c.line
		}
		p := invalid.Problems[0]
		if p.Line != line || p.Column != c.column || !strings.Contains(err.Error(), c.says) || p.File != "m.yaml" {
			t.Errorf("%s: %v; want line %d, column %d, %q", c.to, err, line, c.column, c.says)
		}
	}
	if _, err := Read("m.yaml", nil, acts()); err == nil {
		t.Error("an empty file is read")
	}
	if _, err := Hold("m.yaml", []byte("mandate: x"), acts(), nil, nil); err == nil {
		t.Error("a file that is no mandate is held")
	}
	// All that is wrong is told at once.
	_, err := Read("m.yaml", []byte(strings.NewReplacer("severity: high", "severity: x", "eu-west-1", "EU").Replace(text)), acts())
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || len(invalid.Problems) != 2 {
		t.Error(err)
	}
}

// TestSigned: the text that is signed is short enough for KMS, and nothing else of ours is it.
func TestSigned(t *testing.T) {
	if n := len(Signed(make([]byte, 1<<20))); n > 200 {
		t.Errorf("%d bytes", n)
	}
	r := Request{Case: "a\nb", Mandate: "m", Rule: "r", Function: "f", Acts: []string{"x"}}
	if got := strings.Count(string(r.Text(night)), "\n"); got != 7 {
		t.Errorf("a text of %d lines: what is in it can make another: %q", got, r.Text(night))
	}
}

// TestGlob against what a pattern means by definition.
func TestGlob(t *testing.T) {
	for _, pattern := range []string{"*", "a*", "*a", "a*b*c", "??", "a?c", "", "abc", "**", "Backdoor:Lambda/*"} {
		for _, s := range []string{"", "a", "ab", "abc", "axxbxxc", "Backdoor:Lambda/C&CActivity.B", "cab"} {
			if got, want := glob(pattern, s), slow(pattern, s); got != want {
				t.Errorf("%q on %q: %v", pattern, s, got)
			}
		}
	}
}

// slow is the definition.
func slow(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slow(pattern[1:], s) || s != "" && slow(pattern, s[1:])
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && slow(pattern[1:], s[1:])
}

// FuzzMandate: whatever is read, nothing panics, and what is wrong has a place.
func FuzzMandate(f *testing.F) {
	f.Add(example(f))
	f.Add("mandate: freezeframe.mandate/1\nname: x\nvalid: {from: 2026-11-01T00:00:00Z, until: 2027-02-01T00:00:00Z}\nrules: []\n")
	all := acts()
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Read("x", []byte(text), all)
		if err == nil {
			return
		}
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok || len(invalid.Problems) == 0 {
			t.Fatal(err)
		}
		for _, p := range invalid.Problems {
			if p.What == "" || p.Line < 0 {
				t.Error(p)
			}
		}
	})
}
