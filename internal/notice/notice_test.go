package notice

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

var at = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func sample() Notice {
	return Notice{ID: "alert-1/abc-failed", Event: Failed, At: at, Alert: "alert-1", Kind: "guardduty", Title: "payments calls out", Function: "arn:aws:lambda:eu-west-1:123456789012:function:payments",
		Case: "s3://evidence/alerts/alert-1", Happened: "an alert arrived", Done: []string{"its evidence was sealed"}, Wanted: []string{"look at the report"},
		Next: []string{Command("freezeframe", "--case", "s3://evidence/alerts/alert-1", "report")}}
}

// hostile are texts as an attacker would write them into a name, a title, a user agent.
var hostile = []string{
	"<!channel> <!here|here> <@U012AB3CD> <#C024BE7LH|x> <https://evil.example/x|your bank>", "@channel @here @everyone", "*bold* _it_ ~no~ `code` ```\nfence", "&lt;!here&gt; &amp;",
	"[click](https://evil.example/x) ![i](http://evil.example/i.png) <a href=\"//evil.example\">x</a>", "evil.example www.evil.example/x evil。example", "mailto:a@evil.example tel:+49123 javascript:alert(1) data:text/html,x",
	"<at>everyone</at> <script>alert(1)</script>", "{{DATE(2026-01-01T00:00:00Z,SHORT)}} ${secret} {{{x}}}", "\x1b[31mred\x1b]0;title\a\x9b", "\u202Egpj.exe\u2066\u200b\u00ad\ufeff", "a\r\n\r\n# heading\n- item\n> quote\n| a | b |\n    code\n```sh\nrm -rf /\n```",
	"\xff\xfe\x00", strings.Repeat("<", 5000), strings.Repeat("é\u0301\u0301\u0301\u0301\u0301\u0301", 800), ":rotating_light: :+1:", `\\evil.example\share //evil.example/x`, "ftp://evil.example", "]]></x>\"'};", "$(id) `id` ; rm -rf /", "=1+1",
}

// each puts a text into every field that somebody else may have written.
func each(t *testing.T, f func(t *testing.T, n Notice)) {
	cells := 0
	for _, text := range hostile {
		n := sample()
		v := reflect.ValueOf(&n).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			switch field := v.Field(i); {
			case name == "ID" || name == "Event" || name == "Schema" || name == "Next" || name == "Case":
				continue // ours: Case is where whoever runs this put it
			case field.Kind() == reflect.String:
				one := sample()
				reflect.ValueOf(&one).Elem().Field(i).SetString(text)
				f(t, one)
				field.SetString(text)
			case field.Kind() == reflect.Slice:
				one := sample()
				reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf([]string{text, text}))
				f(t, one)
				field.Set(reflect.ValueOf([]string{text, "x", text, text, text, text, text, text, text, text, text}))
			case name == "At":
				continue
			default:
				t.Fatalf("nobody looks at the field %s", name)
			}
			cells++
		}
		f(t, n)
	}
	t.Logf("%d cells, 0 skipped", cells)
}

var link = regexp.MustCompile(`(?i)\w://|\b(mailto|javascript|data|tel):\S|\w\.example|evil。|(^|[^/\\:\[\]])(//|\\\\)\w`)

// dead says what of a text would be markup or an address: the case's place and commands apart.
func dead(t *testing.T, what, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, sample().Case, "")
	if m := link.FindString(text); m != "" {
		t.Errorf("%s: %.200q holds an address: %q", what, text, m)
	}
	if strings.Contains(text, "@") {
		t.Errorf("%s: %.200q holds a mention", what, text)
	}
	if safetext.Hides(text) || !utf8.ValidString(text) {
		t.Errorf("%s: %.200q hides something", what, text)
	}
}

// TestSlack holds the message to the shape and the bounds that Slack publishes.
func TestSlack(t *testing.T) {
	each(t, func(t *testing.T, n Notice) {
		data, err := n.Slack()
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Text        string `json:"text"`
			Mrkdwn      *bool  `json:"mrkdwn"`
			Parse       string `json:"parse"`
			LinkNames   *bool  `json:"link_names"`
			UnfurlLinks *bool  `json:"unfurl_links"`
			UnfurlMedia *bool  `json:"unfurl_media"`
			Blocks      []struct {
				Type   string
				Text   *slackText
				Fields []slackText
			}
		}
		strict(t, data, &m)
		if m.Mrkdwn == nil || *m.Mrkdwn || *m.LinkNames || *m.UnfurlLinks || *m.UnfurlMedia || m.Parse != "none" || len(m.Blocks) > 50 || m.Text == "" {
			t.Errorf("%.300s", data)
		}
		slackSafe(t, "text", m.Text)
		for i, b := range m.Blocks {
			if b.Type != "header" && b.Type != "section" || (b.Type == "header") != (i == 0) || b.Text == nil && len(b.Fields) == 0 || len(b.Fields) > 10 {
				t.Errorf("block %d: %+v", i, b)
			}
			if b.Text != nil && b.Text.Type == "mrkdwn" {
				if want := "Next\n```\n" + n.Next[0] + "\n```"; b.Text.Text != want || b.Text.Verbatim == nil || !*b.Text.Verbatim {
					t.Errorf("mrkdwn: %q", b.Text.Text)
				}
				continue
			}
			most := map[string]int{"header": 150, "section": 3000}[b.Type]
			for j, x := range append(b.Fields, deref(b.Text)...) {
				if j < len(b.Fields) {
					most = 2000
				}
				if x.Type != "plain_text" || x.Emoji == nil || *x.Emoji || x.Text == "" || utf8.RuneCountInString(x.Text) > most {
					t.Errorf("block %d: %d characters of at most %d: %+.100v", i, utf8.RuneCountInString(x.Text), most, x)
				}
				slackSafe(t, "block", x.Text)
			}
		}
	})
}

type slackText struct {
	Type, Text      string
	Emoji, Verbatim *bool
}

func deref(x *slackText) []slackText {
	if x == nil {
		return nil
	}
	return []slackText{*x}
}

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func slackSafe(t *testing.T, what, text string) {
	t.Helper()
	if strings.ContainsAny(entity.ReplaceAllString(text, ""), "<>&") {
		t.Errorf("%s: %.200q is not escaped", what, text)
	}
	for line := range strings.SplitSeq(text, "\n") { // lines are ours
		dead(t, what, line)
	}
}

func strict(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v: %.300s", err, data)
	}
	if strings.ContainsFunc(string(data), func(r rune) bool { return r < 0x20 || safetext.Moves(r) && r > 0x7e }) {
		t.Errorf("the JSON itself hides something: %.300q", data)
	}
}

// TestTeams holds the message to the shape that Teams publishes, and its texts to elements of which no
// Markdown is read.
func TestTeams(t *testing.T) {
	each(t, func(t *testing.T, n Notice) {
		data, err := n.Teams()
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Type        string
			Attachments []struct {
				ContentType string
				ContentURL  *string `json:"contentUrl"`
				Content     struct {
					Schema       string `json:"$schema"`
					Type         string
					Version      string
					FallbackText string
					Body         []struct {
						Type    string
						Inlines []struct{ Type, Text, Weight, Size, FontType string }
					}
				}
			}
		}
		strict(t, data, &m)
		if m.Type != "message" || len(m.Attachments) != 1 || len(data) > 28<<10 {
			t.Fatalf("%d bytes: %.200s", len(data), data)
		}
		a := m.Attachments[0]
		if c := a.Content; a.ContentType != "application/vnd.microsoft.card.adaptive" || a.ContentURL != nil || c.Type != "AdaptiveCard" || c.Version != "1.2" || c.Schema != "http://adaptivecards.io/schemas/adaptive-card.json" || c.FallbackText == "" {
			t.Errorf("%.300s", data)
		}
		for _, e := range a.Content.Body {
			if e.Type != "RichTextBlock" || len(e.Inlines) == 0 {
				t.Errorf("%+v", e)
			}
			for _, r := range e.Inlines {
				if r.Type != "TextRun" || r.Text == "" || strings.Contains(r.Text, "{{") || strings.Contains(r.Text, "${") {
					t.Errorf("%+v", r)
				}
				if r.FontType != "Monospace" {
					dead(t, "run", r.Text)
				}
			}
		}
	})
}

// TestText: what mailboxes and telephones get, and what programs do.
func TestText(t *testing.T) {
	each(t, func(t *testing.T, n Notice) {
		for line := range strings.SplitSeq(n.Text(), "\n") {
			if line != "  "+n.Next[0] {
				dead(t, "text", line)
			}
		}
		data, err := n.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Notice
			Text string `json:"text"`
		}
		strict(t, data, &back)
		if back.Schema != Schema || back.ID != n.ID || back.Text == "" || !strings.Contains(back.Text, n.Next[0]) || back.Done == nil {
			t.Errorf("%.300s", data)
		}
	})
}

// TestMarkdown: the ticket has the lines that it has without an attacker, and in theirs nothing but text.
func TestMarkdown(t *testing.T) {
	ours := regexp.MustCompile(`^(## 2026-11-28T03:00:00Z: freezeframe: |- \*\*[A-Z][a-z]+:\*\* |\*\*[A-Z][a-z ]+\*\*$|- |    freezeframe |$)`)
	escaped := regexp.MustCompile(`\\[[:punct:]]`)
	each(t, func(t *testing.T, n Notice) {
		for line := range strings.SplitSeq(n.Markdown(), "\n") {
			head := ours.FindString(line)
			if head == "" && line != "" {
				t.Errorf("a line of somebody else's: %.100q", line)
			}
			rest := escaped.ReplaceAllString(strings.TrimPrefix(line, head), "·")
			if strings.HasPrefix(line, "    ") {
				continue
			}
			if strings.ContainsAny(rest, "\\`*_[]<>#!|&~@") || strings.Contains(rest, "://") || safetext.Hides(line) {
				t.Errorf("%.200q is more than text: %.100q", line, rest)
			}
		}
	})
}

// TestInert: addresses are dead, and the rest can still be read.
func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"https://evil.example/a.b": "https[:]//evil[.]example/a.b", "a@b.example": "a[at]b[.]example", "Backdoor:Lambda/C&CActivity.B": "Backdoor:Lambda/C&CActivity.B",
		"arn:aws:lambda:eu-west-1:123456789012:function:payments": "arn:aws:lambda:eu-west-1:123456789012:function:payments",
		"203.0.113.9 called. It":                                  "203.0.113.9 called. It", "mailto:x": "mailto[:]x", "//evil.example": "[/]/evil[.]example", `\\evil\x`: `[\]\evil\x`, "": "",
	} {
		if got := inert(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if got := inert(inert(in)); got != want {
			t.Errorf("%q became %q the second time", in, got)
		}
	}
}

// TestCommand: a shell reads the words that were meant.
func TestCommand(t *testing.T) {
	words := []string{"--case", "s3://evidence/a b", "it's", "$(id)", "", "a;b", "~", "!x", "*"}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(sh, "-c", Command(append([]string{"printf", "%s|"}, words...)...)).Output()
	if err != nil || string(out) != strings.Join(words, "|")+"|" {
		t.Errorf("%q, %v", out, err)
	}
	for _, bad := range []string{"a\nb", "\x1b[31m", "\u202e", "`id`", "\xff"} {
		if got := Command("freezeframe", bad); got != "" {
			t.Errorf("%q is %q", bad, got)
		}
	}
}

// TestTicket: one file a case in a folder, or one file, appended to and nobody else's to read.
func TestTicket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tickets")
	n := sample()
	for range 2 {
		if err := n.ticket(dir); err != nil {
			t.Fatal(err)
		}
		if err := n.ticket(filepath.Join(filepath.Dir(dir), "one.md")); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "alert-1.md"), filepath.Join(filepath.Dir(dir), "one.md")} {
		data, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || strings.Count(string(data), "\n**What happened**\n") != 2 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v %v %s", path, err, statErr, info.Mode(), data)
		}
	}
	for _, bad := range []string{"../../etc/x", "a/b", "", ".."} {
		n.Alert = bad
		if err := n.ticket(dir); err == nil {
			t.Errorf("a ticket of the name %q", bad)
		}
	}
}
