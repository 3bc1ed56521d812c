package conformance

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var updatePages = flag.Bool("update-pages", false, "write into the pages of docs/ what their commands print")

// A page is a document whose commands are run, one after the other in one shell, in an empty folder:
// the lines of its console blocks that begin with "$ ", with those that begin with "> " after them.
// What each prints, on both streams, has to be what stands below it, whole. A line
//
//	<!-- replay: WORLD -->
//
// says in which simulated account, and
//
//	<!-- differs: NAME REGEXP -->
//
// what differs from run to run, at most eight of them; the page shows what one run had. A command that
// is to fail ends in "# exit code N". A console block after <!-- not run: WHY --> is not run.
type document struct {
	path, text, world string
	differs           []difference
	commands          []command
	notRun            []string
}

type difference struct {
	name string
	is   *regexp.Regexp
}

type command struct {
	text     string // as bash reads it
	want     string
	code     string
	from, to int // of want in the page's text
}

const mostDifferences = 8

var (
	exitCode = regexp.MustCompile(`# exit code (\d+)$`)
	marked   = regexp.MustCompile(`^<!-- (replay|differs|not run): (.*) -->$`)
)

func readPage(path string) (*document, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &document{path: path, text: string(b)}
	at, inBlock, skip := 0, false, ""
	for line := range strings.SplitAfterSeq(p.text, "\n") {
		begin := at
		at += len(line)
		line = strings.TrimSuffix(line, "\n")
		switch m := marked.FindStringSubmatch(line); {
		case inBlock && line == "```":
			inBlock = false
		case inBlock && strings.HasPrefix(line, "$ "):
			c := command{text: line[2:], from: at, to: at, code: "0"}
			if m := exitCode.FindStringSubmatch(line); m != nil {
				c.code = m[1]
			}
			p.commands = append(p.commands, c)
		case inBlock && strings.HasPrefix(line, "> ") && len(p.commands) > 0 && p.commands[len(p.commands)-1].to == begin && p.commands[len(p.commands)-1].from == begin:
			c := &p.commands[len(p.commands)-1]
			c.text, c.from, c.to = c.text+"\n"+line[2:], at, at
		case inBlock && len(p.commands) == 0:
			return nil, fmt.Errorf("%s: a console block begins with %q, which is no command", path, line)
		case inBlock:
			p.commands[len(p.commands)-1].to = at
		case line == "```console" && skip != "":
			p.notRun, skip = append(p.notRun, skip), ""
		case line == "```console":
			inBlock = true
		case m == nil:
		case m[1] == "replay":
			p.world = m[2]
		case m[1] == "not run":
			skip = m[2]
		default:
			name, expr, _ := strings.Cut(m[2], " ")
			is, err := regexp.Compile(expr)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			p.differs = append(p.differs, difference{name, is})
		}
	}
	for i := range p.commands {
		c := &p.commands[i]
		c.want = p.text[c.from:c.to]
	}
	if len(p.differs) > mostDifferences {
		return nil, fmt.Errorf("%s: %d things differ from run to run, at most %d may", path, len(p.differs), mostDifferences)
	}
	return p, nil
}

// same is a text without what differs from run to run.
func (p *document) same(text string) string {
	for _, d := range p.differs {
		text = d.is.ReplaceAllString(text, "<"+d.name+">")
	}
	return text
}

// pages are the documents that are replayed.
func pages(t *testing.T) []*document {
	t.Helper()
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []*document
	for _, path := range all {
		p, err := readPage(path)
		if err != nil {
			t.Fatal(err)
		}
		if p.world != "" {
			out = append(out, p)
		}
	}
	return out
}

// TestPages types what the pages say, and holds what it prints to what they show.
func TestPages(t *testing.T) {
	for _, p := range pages(t) {
		t.Run(strings.TrimSuffix(filepath.Base(p.path), ".md"), func(t *testing.T) {
			got := p.play(t)
			text, last := strings.Builder{}, 0
			for i, c := range p.commands {
				if want, is := p.same(c.want), p.same(got[i].out); want != is && !*updatePages {
					t.Errorf("%s\nthe page shows\n%s\nit prints\n%s", c.text, want, is)
				}
				if got[i].code != c.code {
					t.Errorf("%s: exit code %s, want %s\n%s", c.text, got[i].code, c.code, got[i].out)
				}
				text.WriteString(p.text[last:c.from] + got[i].out)
				last = c.to
			}
			if *updatePages && !t.Failed() {
				text.WriteString(p.text[last:])
				if err := os.WriteFile(p.path, []byte(text.String()), 0o644); err != nil { //nolint:gosec // a document for everybody
					t.Fatal(err)
				}
			}
			t.Logf("%d commands run as typed, %d blocks not run: %s", len(p.commands), len(p.notRun), strings.Join(p.notRun, "; "))
		})
	}
}

// TestPagesJudge changes words in what pages show, one at a time: each change is seen.
func TestPagesJudge(t *testing.T) {
	for _, p := range pages(t) {
		r := rand.New(rand.NewPCG(1, uint64(len(p.path))))
		var tried int
		for tried < 20 {
			c := p.commands[r.IntN(len(p.commands))]
			words := strings.Fields(p.same(c.want))
			if len(words) == 0 || !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(w, "<") }) {
				continue
			}
			w := words[r.IntN(len(words))]
			if strings.Contains(w, "<") {
				continue // it differs from run to run
			}
			if p.same(strings.Replace(c.want, w, w+"x", 1)) == p.same(c.want) {
				t.Errorf("%s: %q can be changed below %q, and nobody sees it", p.path, w, c.text)
			}
			tried++
		}
		t.Logf("%s: 20 words changed, 0 skipped", filepath.Base(p.path))
	}
}

type played struct{ out, code string }

const betweenCommands = "--- the next command of the page ---"

// play runs the commands of a page in one shell.
func (p *document) play(t *testing.T) []played {
	t.Helper()
	dir := t.TempDir()
	script := &strings.Builder{}
	for _, c := range p.commands {
		fmt.Fprintf(script, "{ %s\n} 2>&1\nprintf '%%s %%s\\n' \"\" '%s '$?\n", c.text, betweenCommands)
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-o", "pipefail", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(worldOf(t, p.world, dir), "PATH="+filepath.Dir(built.freezeframe)+":"+filepath.Dir(tool(t, "FREEZEFRAME_AWS"))+":"+os.Getenv("PATH"),
		"HOME="+dir, "FREEZEFRAME_HOME="+filepath.Join(dir, "home"), "COLUMNS=100", "LC_ALL=C.UTF-8", "TZ=UTC", "USER=responder", "LOGNAME=responder", "AWS_PAGER=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, lastLines(out.String(), 30))
	}
	var all []played
	rest := out.String()
	for range p.commands {
		text, after, ok := strings.Cut(rest, " "+betweenCommands+" ")
		if !ok {
			t.Fatalf("after %d of %d commands there is no end:\n%s", len(all), len(p.commands), lastLines(rest, 30))
		}
		code, next, _ := strings.Cut(after, "\n")
		all = append(all, played{strings.ReplaceAll(text, dir, "/home/alice"), code})
		rest = next
	}
	return all
}

// worldOf is the environment of the simulated account that a page is played on.
func worldOf(t *testing.T, world, dir string) []string {
	t.Helper()
	kind, name, _ := strings.Cut(world, " ")
	switch kind {
	case "none":
		return nil
	case "case": // that the first exercise left, handed on: the archive and the public key of who made it
		w := exerciseCase(t)
		must(t, 0, w.env(), built.freezeframe, "--case", w.dir, "case", "keys", "--out", filepath.Join(dir, "signer.pem"))
		must(t, 0, w.env(), built.freezeframe, "--case", w.dir, "case", "export", filepath.Join(dir, "case-4711.tar.zst"), "--reason", "handed to the analyst")
		return nil
	case "account": // that the tests collect from, with its GuardDuty findings
		x, _ := simulator(t, "-seeded")
		return append(x.env(), "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1")
	case "exercise":
		x := serveExercise(t, name)
		return slices.DeleteFunc(x.env, func(e string) bool {
			return strings.HasPrefix(e, "HOME=") || strings.HasPrefix(e, "FREEZEFRAME_HOME=") || strings.HasPrefix(e, "FREEZEFRAME_CASE=")
		})
	}
	t.Fatalf("a page wants to be played in %q", world)
	return nil
}
