package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
	"github.com/freezeframe-ir/freezeframe/test/strictpage"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// hostileReport asks, plans, and writes the report on a case that is there already: what people
// are asked, told and shown holds an attacker's texts.
const hostileReport = `playbook: report-only
title: The report alone
inputs:
  function:
    type: string
    required: true
    about: name or ARN of the function
steps:
  - id: story
    run: timeline.story
    with: {function: '${inputs.function}'}
  - id: plan
    run: contain.plan
    with: {function: '${inputs.function}', actors: '${steps.story.actors}', findings: '${steps.story.findings}'}
  - id: ask
    run: approve
    with: {question: "go on\u202e\u001b[31m?", plan: '${steps.plan.plan}'}
  - id: tell
    run: notify
    with: {text: suspected, to: stdout, also: '${steps.story.suspects}'}
  - id: report
    about: what happened
    run: report
    with:
      function: ${inputs.function}
`

// hostileCommand is what is run, how its answer is read ("text", "json", "lines" of JSON), and
// what of the texts it has to say.
type hostileCommand struct{ reads, line, says string }

// hostileCommands are what is run on a case of the hostile account, in order; store is an event
// data store of it.
func hostileCommands(out, store string) []hostileCommand {
	control, players := filepath.Join(out, "control.json"), filepath.Join(out, "players.json")
	plan, exported, f := filepath.Join(out, "plan.json"), filepath.Join(out, "case.tar.zst"), " --function payments"
	const (
		sign   = "hidden-text payments: control, direction or invisible characters"
		listed = "names with control, direction or invisible characters"
		events = "events with control, direction or invisible characters"
	)
	return []hostileCommand{
		{"text", "doctor" + f, ""}, {"json", "doctor --json" + f, ""},
		{"text", "tabletop list", ""}, {"json", "tabletop list --json", ""},
		{"text", "tabletop show --facilitator " + filepath.Join(out, "scenario.yaml"), "EXERCISE"}, {"json", "tabletop show --json --facilitator " + filepath.Join(out, "scenario.yaml"), "EXERCISE"},
		{"text", "tabletop report " + filepath.Join(out, "scenario.yaml") + " --out " + filepath.Join(out, "papers"), "EXERCISE"},
		{"text", "tabletop status --control " + control, "D1"}, {"json", "tabletop status --json --control " + control, "pending"},
		{"text", "tabletop status --control " + players, "D1"}, {"json", "tabletop status --json --control " + players, "heard"},
		{"text", "tabletop decide D1 later --case= --as lead --by \x1b[31mo --reason \u202er\x9b --control " + players, "then:"},
		{"text", "tabletop note \x1b]0;x\a --control " + control, "kept"}, {"json", "tabletop hotwash \u2066x --json --by \x1b[2J --control " + players, "gap"},
		{"text", "tabletop status --control " + control, "decided:"}, {"text", "tabletop status --control " + players, "decided by"}, {"json", "tabletop schema", ""},
		{"text", "collect --trail-bucket auto" + f, sign}, {"json", "collect --json --only lambda.aliases --only lambda.tags --only lambda.configuration" + f, "hidden-text"},
		{"text", "case list", ""}, {"text", "case list --items", listed}, {"json", "case list --items --json", "names_that_hide"},
		{"text", "case show", ""}, {"json", "case show --json", ""}, {"json", "case show --format case-uco", ""},
		{"text", "case brief", ""}, {"json", "case brief --json", ""},
		{"text", "timeline build", events}, {"lines", "timeline build --format jsonl", ""}, {"lines", "timeline build --format timesketch", ""}, {"lines", "timeline build --format ocsf", ""},
		{"json", "timeline build --format case-uco --rules builtin" + f, ""}, {"json", "timeline build --format stix --rules builtin" + f, ""},
		{"sheet", "timeline build --format csv", ""}, {"sheet", "timeline build --format timesketch-csv", ""}, {"text", "timeline build --format l2tcsv", ""},
		{"text", "timeline build --format parquet --out " + filepath.Join(out, "timeline.parquet"), ""},
		{"text", "timeline story" + f, events}, {"json", "timeline story --json" + f, "events_that_hide"},
		{"lines", "timeline pivot payments", ""}, {"text", "timeline lineage --principal payments-role", ""}, {"json", "timeline lineage --json --principal payments-role", ""},
		{"text", "timeline lineage --principal payments-role --findings " + filepath.Join(out, "findings.json"), ""},
		{"text", "timeline validate", ""}, {"json", "timeline validate --json", ""}, {"lines", "timeline build --format jsonl --rules builtin", ""},
		{"lines", "timeline build --format jsonl --collapse --baseline 1h", ""}, {"text", "timeline build --collapse", events},
		{"text", "diff" + f, ""}, {"json", "diff --json" + f, ""}, {"text", "diff --history" + f, ""}, {"json", "diff --history --json" + f, ""},
		{"text", "report --out " + filepath.Join(out, "report.html"), ""}, {"json", "report --json" + f, ""}, {"text", "report --format md --out " + filepath.Join(out, "report.md"), ""},
		{"text", "report --format stix --out " + filepath.Join(out, "report.stix.json"), ""}, {"text", "report --format json --out " + filepath.Join(out, "report.json"), ""},
		{"text", "inspect", ""}, {"json", "inspect --json", ""},
		{"text", "assess --all" + f, "FAIL"}, {"json", "assess --json" + f, "freezeframe.assessment/1"},
		{"text", "assess --readiness --format markdown" + f, "What fails"}, {"json", "assess --format sarif" + f, "2.1.0"}, {"lines", "assess --format ocsf" + f, "2003"}, {"text", "assess --all --format junit" + f, "testsuites"},
		{"text", "contain plan --out " + plan + f, ""}, {"json", "contain plan --json --out " + plan + "2" + f, ""},
		{"text", "contain plan --level evict --good-version 1 --out " + plan + "4" + f, ""}, {"json", "contain plan --json --act code-back --act configuration-back --act alias-back --good-version 1 --out " + plan + "5" + f, ""},
		{"text", "contain apply " + plan, ""}, {"text", "contain status", ""}, {"json", "contain status --json", ""}, {"text", "contain watch --for 1ms", ""}, {"json", "contain watch --for 1ms --json", ""},
		{"text", "contain plan --level stop --actor arn:aws:iam::" + bench.AccountID + ":role/service/" + hostileRole + " --out " + plan + "3", ""}, {"text", "contain release --reason r", ""},
		{"text", "playbook run --yes --set function=payments " + filepath.Join(out, "report.yaml"), ""},
		{"text", "playbook status", ""}, {"json", "playbook status --json", ""}, {"text", "playbook plan --set function=\x1b[31m " + filepath.Join(out, "report.yaml"), ""},
		{"text", "playbook show --format md " + filepath.Join(out, "report.yaml"), ""}, {"json", "playbook export --format cacao " + filepath.Join(out, "report.yaml"), ""},
		{"text", "timeline build --source athena --table audit.trail --output-location s3://results/ --since 24h", ""}, {"lines", "timeline build --format jsonl --source lake --since 24h --event-data-store " + store, ""},
		{"text", "timeline build --source athena --table audit.trail --print-sql --account 111122223333 --in-region eu-west-1 --about \x1b[31m\u202ea\x7f\u009b", ""},
		{"text", "respond resolve --alert " + filepath.Join(out, "alert.json"), "several-forms"}, {"json", "respond resolve --json --alert " + filepath.Join(out, "alert.json"), "AROA"}, {"json", "respond schema", "mandate"},
		{"text", "respond --authority a --cases " + filepath.Join(out, "cases") + " --alert " + filepath.Join(out, "alert.json"), ": "}, {"json", "respond --json --authority a --cases " + filepath.Join(out, "cases") + " --alert " + filepath.Join(out, "alert.json"), "freezeframe/responded/v1"},
		{"text", "respond --authority a --notify-on all --notify ticket:" + filepath.Join(out, "tickets.md") + " --cases " + filepath.Join(out, "told") + " --alert " + filepath.Join(out, "alert.json"), ": "}, {"json", "respond schema --of playbooks", "urn:freezeframe:playbooks:1"},
		{"text", "respond status --cases " + filepath.Join(out, "told"), "Failed"}, {"json", "respond status --json --cases " + filepath.Join(out, "told"), "freezeframe.status/1"}, {"text", "respond status --prometheus --cases " + filepath.Join(out, "told"), "freezeframe_cases"},
		{"text", "worker --once --authority a --cases " + filepath.Join(out, "cases") + " --queue https://sqs.eu-central-1.amazonaws.com/" + bench.AccountID + "/text", "1 dealt with"}, {"lines", "worker --json --once --authority a --cases " + filepath.Join(out, "cases") + " --queue https://sqs.eu-central-1.amazonaws.com/" + bench.AccountID + "/json", "freezeframe/worked/v1"},
		{"text", "case export --reason r " + exported, ""}, {"text", "verify " + exported, ""}, {"text", "verify", ""}, {"json", "verify --json", ""},
	}
}

// TestHostileTexts runs the commands on an account whose every place for text was filled by
// an attacker: what they say is plain text, what they write as JSON is JSON, they stay within
// their memory, and write nothing but the case.
func TestHostileTexts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: runs every command; run without -short")
	}
	h := newHostileAccount(t)
	store, err := makeEngines(h.Account)
	if err != nil {
		t.Fatal(err)
	}
	if err := queued(h.Account, string(hostileAlert()), "text", "json"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.Cloud)
	t.Cleanup(server.Close)
	env := environ(h.Keys, server.URL, bench.Region, "")
	env = slices.DeleteFunc(env, func(v string) bool { return v == scratch.Process }) // memory is looked at
	r := newWatchedRun(t, env)
	if err := os.WriteFile(filepath.Join(r.out, "report.yaml"), []byte(hostileReport), 0o600); err != nil {
		t.Fatal(err)
	}
	scenario, err := tabletop.Template("hostile")
	if err != nil {
		t.Fatal(err)
	}
	scenario = bytes.ReplaceAll(scenario, []byte("title: somebody"), []byte(`title: "\e[31m\u202e<script>" # `))
	scenario = bytes.ReplaceAll(scenario, []byte("from: a colleague"), []byte(`from: "a \e]0;x\a colleague\u2066"`))
	scenario = bytes.ReplaceAll(scenario, []byte(`from: "the shop's manager"`), []byte(`from: "\e[31mthe \u202emanager"`))
	scenario = bytes.ReplaceAll(scenario, []byte(`text: "not yet", outcome: "Fine`), []byte(`text: "\e[31mnot yet", outcome: "\u202eFine`))
	if err := os.WriteFile(filepath.Join(r.out, "scenario.yaml"), scenario, 0o600); err != nil {
		t.Fatal(err)
	}
	serveHostile(t, scenario, r.out)
	if err := os.WriteFile(filepath.Join(r.out, "alert.json"), hostileAlert(), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, said := r.run("case", "open", r.caseDir, "--title", "t\x1b[31m\u202e<script>", "--authority", "=a\x9b", "--operator", "o\u202e\n# x"); code != 0 {
		t.Fatalf("opening the case: %d %s", code, said)
	}
	before := r.surroundings()
	commands := hostileCommands(r.out, store)
	for _, c := range commands {
		code, stdout, stderr := r.run(strings.Fields(c.line)...)
		// The trail's files are damaged, and validation alone has to say so.
		validates := strings.HasPrefix(c.line, "timeline validate")
		if code == 1 || code == 2 || code < 0 || (code == ui.ExitDamaged) != validates {
			t.Errorf("%s: exit code %d: %.1500s", c.line, code, stderr)
		}
		if odd := unsafeText(stderr); odd != "" {
			t.Errorf("%s: on stderr, %s", c.line, odd)
		}
		if odd := unsafeText(stdout); odd != "" {
			t.Errorf("%s: %s", c.line, odd)
		}
		if odd := r.notJSON(c.reads, stdout); odd != "" {
			t.Errorf("%s: %s", c.line, odd)
		}
		if !bytes.Contains(append(stdout, stderr...), []byte(c.says)) {
			t.Errorf("%s does not say %q", c.line, c.says)
		}
		t.Logf("%-75s exit %d, %8d bytes, %3d MiB", strings.ReplaceAll(c.line, r.out, "OUT"), code, len(stdout), r.peak())
		if r.peak() > 256 {
			t.Errorf("%s took %d MiB", c.line, r.peak())
		}
	}
	if after := r.surroundings(); after != before {
		t.Errorf("written outside the case:\n%s\nbefore:\n%s", after, before)
	}
	for _, f := range timeline.Formats() {
		if f.Name != "table" && !slices.ContainsFunc(commands, func(c hostileCommand) bool { return slices.Contains(strings.Fields(c.line), f.Name) }) {
			t.Errorf("nobody looks at what format %s makes of these texts", f.Name)
		}
	}
	r.reports()
	h.keptAsServed(r.caseDir)
	t.Logf("%d commands; 0 skipped", len(commands))
}

// hostileAlert is an event of two findings and what is none, in which whatever can be is hostile.
func hostileAlert() []byte {
	const bad = `\u001b[31m\u202e\u0007\u009b<script>=1+1\n$(id)`
	finding := func(resource string) string {
		return `{"schemaVersion":"` + bad + `","accountId":"` + bench.AccountID + `","region":"` + bad + `","partition":"` + bad + `","id":"` + bad + `","type":"` + bad + `","title":"` + bad +
			`","severity":"` + bad + `","updatedAt":"` + bad + `","resource":` + resource + `,"service":{"action":{"networkConnectionAction":{"remoteIpDetails":{"ipAddressV4":"` + bad +
			`"}}},"additionalInfo":{"value":"` + bad + `"},"detection":{"sequence":{"actors":[{"id":"` + bad + `","user":{"name":"` + bad + `","type":"` + bad + `"}}]}}}}`
	}
	return []byte(`{"detail-type":"` + bad + `","source":"` + bad + `","account":"` + bad + `","detail":{"findings":[` +
		finding(`{"resourceType":"Lambda","lambdaDetails":{"functionArn":"`+bad+`","functionName":"`+bad+`","role":"`+bad+`"}}`) + `,` +
		finding(`{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"`+bad+`","principalId":"AROA`+bad+`:`+bad+`","userName":"`+bad+`","userType":"AssumedRole"}}`) + `,` +
		`{"eventName":"` + bad + `","eventSource":"` + bad + `","ProductArn":"` + bad + `","AwsAccountId":"` + bad + `"},{"` + bad + `":1}]}}`)
}

// serveHostile serves a scenario whose texts are somebody else's, with the files to lead it and to
// play in it.
func serveHostile(t *testing.T, scenario []byte, out string) {
	t.Helper()
	s, err := tabletop.Parse("hostile.yaml", scenario)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tabletop.Play(t.Context(), s, tabletop.Options{Seed: 1, Now: time.Now()})
	if err == nil {
		err = w.Tick(t.Context())
	}
	if err == nil {
		_, err = w.InjectNow("D1")
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&tabletop.Server{World: w, Token: "leads", Players: "plays"})
	t.Cleanup(server.Close)
	for _, f := range []control{{controlSchema, forFacilitator, server.URL, "leads", w.ID}, {controlSchema, forPlayers, server.URL, "plays", w.ID}} {
		name := map[string]string{forFacilitator: "control.json", forPlayers: "players.json"}[f.For]
		if err := writeControl(filepath.Join(out, name), f); err != nil {
			t.Fatal(err)
		}
	}
}

// watchedRun runs the built binary where every folder that it could write to is looked at.
type watchedRun struct {
	t                      *testing.T
	dir, out, caseDir, rss string
	env                    []string
	path                   string
}

func newWatchedRun(t *testing.T, env []string) *watchedRun {
	t.Helper()
	dir := t.TempDir()
	r := &watchedRun{t: t, dir: dir, out: filepath.Join(dir, "out"), caseDir: filepath.Join(dir, "case"), rss: filepath.Join(dir, "out", "maxrss")}
	for _, name := range []string{"out", "home", "tmp", "cwd", "state"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.env = append(env, "HOME="+filepath.Join(dir, "home"), "TMPDIR="+filepath.Join(dir, "tmp"), "FREEZEFRAME_HOME="+filepath.Join(dir, "state"), "FREEZEFRAME_CASE="+r.caseDir, "MAXRSS="+r.rss)
	var err error
	if r.path, err = exec.LookPath("freezeframe"); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *watchedRun) run(args ...string) (code int, stdout, stderr []byte) {
	r.t.Helper()
	cmd := watched(r.t, r.path, args...)
	cmd.Dir, cmd.Env = filepath.Join(r.dir, "cwd"), r.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		r.t.Fatal(err)
	} else if ok {
		return exit.ExitCode(), out.Bytes(), errs.Bytes()
	}
	return 0, out.Bytes(), errs.Bytes()
}

// peak is of the last command, in MiB.
func (r *watchedRun) peak() int {
	kib, err := os.ReadFile(r.rss)
	n, numErr := strconv.Atoi(string(kib))
	if err := errors.Join(err, numErr); err != nil {
		r.t.Fatal(err)
	}
	return n >> 10
}

// keyFile is a key that is made for a case, by the case's id.
var keyFile = regexp.MustCompile(`/state/(keys|identities|pins)/[0-9A-HJKMNP-TV-Z]{26}\.(pem|txt)$`)

// surroundings are all files but the case, what a command was told to write, and the keys of the
// cases that it was told to make.
func (r *watchedRun) surroundings() string {
	r.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == r.caseDir || path == r.out {
			return fs.SkipDir
		}
		if keyFile.MatchString(filepath.ToSlash(path)) {
			return nil
		}
		var sum [32]byte
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(data)
		}
		fmt.Fprintf(&b, "%q %v %x\n", path, d.Type(), sum[:8])
		return nil
	})
	for _, slip := range []string{"/tmp/freezeframe-slip", "/etc/cron.d/freezeframe-slip"} {
		if _, lerr := os.Lstat(slip); lerr == nil {
			fmt.Fprintln(&b, slip)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

// reports looks at what commands wrote for people to read.
func (r *watchedRun) reports() {
	r.t.Helper()
	for _, name := range []string{"plan.json", "plan.json2", "report.html", "report.md", "report.stix.json", "report.json", "tickets.md"} {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if odd := unsafeText(data); odd != "" || err != nil {
			r.t.Errorf("%s: %s, %v", name, odd, err)
		}
	}
	page, err := os.ReadFile(filepath.Join(r.out, "report.html"))
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := strictpage.Read(string(page)); err != nil {
		r.t.Errorf("the page: %v", err)
	}
	found := 0
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		found++
		data, err := os.ReadFile(path)
		if odd := unsafeText(data); odd != "" {
			r.t.Errorf("%s: %s", d.Name(), odd)
		}
		text := strings.ReplaceAll(string(data), `\\`, "")
		for _, live := range []string{"<script", "<img", "<!--", "](", "![", "<http", "```", "://", "www.evil"} {
			for rest := text; strings.Contains(rest, live); {
				at := strings.Index(rest, live)
				if at == 0 || rest[at-1] != '\\' {
					r.t.Errorf("%s: %q is not escaped: %.100q", d.Name(), live, rest[max(0, at-40):])
				}
				rest = rest[at+len(live):]
			}
		}
		return err
	}
	ticket, err := os.Stat(filepath.Join(r.out, "tickets.md"))
	if err != nil {
		r.t.Fatal(err)
	}
	err = errors.Join(filepath.WalkDir(filepath.Join(r.caseDir, "derived"), look), look(filepath.Join(r.out, "tickets.md"), fs.FileInfoToDirEntry(ticket), nil))
	if err != nil || found < 2 {
		r.t.Errorf("%d reports, %v", found, err)
	}
}

// unsafeText says what in a text may not reach a terminal: anything that moves, hides or
// turns what is read.
func unsafeText(text []byte) string {
	for at := 0; at < len(text); {
		c, n := utf8.DecodeRune(text[at:])
		bad := c != '\n' && c != '\t' && unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
		if bad || c == utf8.RuneError && n <= 1 {
			return fmt.Sprintf("%U at byte %d: %.200q", c, at, text[max(0, at-100):min(len(text), at+20)])
		}
		at += n
	}
	return ""
}

func (r *watchedRun) notJSON(reads string, text []byte) string {
	switch reads {
	case "json":
		if !json.Valid(text) {
			return fmt.Sprintf("no JSON: %.300q", text)
		}
	case "sheet":
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(rows) < 2 {
			return fmt.Sprintf("no sheet: %v", err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
					return fmt.Sprintf("a formula: %.300q", cell)
				}
			}
		}
	case "lines":
		if len(text) == 0 {
			return "no lines"
		}
		for line := range bytes.Lines(text) {
			var v map[string]json.RawMessage // a record may have numbers beyond what Go holds
			if err := json.Unmarshal(line, &v); err != nil {
				return fmt.Sprintf("%v in %.300q", err, line)
			}
		}
	}
	return ""
}
