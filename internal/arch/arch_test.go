package arch

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/freezeframe-ir/freezeframe"

// rule: packages under From may not import what Deny names (a prefix of the
// import path, ours without the module), except those under Except.
type rule struct {
	From, Deny string
	Except     []string // importing packages that may
	Why        string
}

var rules = []rule{
	{"", "cmd", []string{"cmd"}, "commands are the top: what two of them need belongs in a package"},
	{"", module + "/test", []string{"test"}, "what the product is judged by, it must not know"},
	{"internal/finding", module + "/", nil, "data knows nobody"},
	{"collect", "contain", nil, "collecting must work, and be auditable, without the code that changes an account"},
	{"collect", "timeline", nil, "collect ends at the case; the timeline starts there"},
	{"timeline", "collect", nil, "a case can be analysed without AWS"},
	{"timeline", "contain", nil, "a case can be analysed without AWS"},
	{"contain", "collect", nil, "what must be sealed before an act is found in the case, not by calling the collector"},
	{"contain", "timeline", nil, "findings travel as data"},
	{"collect", "playbooks", nil, "playbooks join the others, not the reverse"},
	{"timeline", "playbooks", nil, "playbooks join the others, not the reverse"},
	{"contain", "playbooks", nil, "playbooks join the others, not the reverse"},
	{"", "internal/ui", []string{"cmd", "internal/ui"}, "libraries return values and errors; only commands speak"},
	{"", "internal/awssim", []string{"cmd", "playbooks/tabletop", "internal/awssim", "test", "bench"}, "the product must not lean on its own simulator"},
	{"internal/awsapi", "github.com/aws/aws-sdk-go-v2/service/", []string{}, "awsapi knows no service but sts"},
	{"timeline", "github.com/aws/aws-sdk-go-v2", nil, "analysis on a laptop with no credentials"},
	{"internal/evidence", "github.com/aws/aws-sdk-go-v2", nil, "analysis on a laptop with no credentials"},
	{"internal/journal", "github.com/aws/aws-sdk-go-v2", nil, "plain storage"},
	{"internal/durable", "github.com/aws/aws-sdk-go-v2", nil, "plain storage"},
	{"internal/safetext", "github.com/", nil, "the escaping sink stands on the standard library"},
	{"internal/tsa", "github.com/", nil, "time stamps stand on the standard library"},
	{"internal/iampolicy", "github.com/aws/aws-sdk-go-v2", nil, "policies are documents"},
	{"internal/digest", "github.com/aws/aws-sdk-go-v2", nil, "files are validated from the case alone, when the account may be gone"},
	{"internal/brief", "github.com/aws/aws-sdk-go-v2", nil, "a brief is made from the case alone"},
	{"internal/brief", "contain", nil, "how acts stand is handed in as data: contain brings AWS's SDK"},
	{"internal/brief", "collect", nil, "a brief is made from the case alone"},
	{"internal/sigma", module + "/", []string{"internal/sigma/builtin"}, "the rule engine stands alone, so that others' tools can judge it alone"},
	{"internal/vault", "github.com/aws/aws-sdk-go-v2", []string{"internal/vault/s3vault"}, "only the S3 vault knows S3"},
	{"playbooks/report", "github.com/aws/aws-sdk-go-v2", nil, "a report is made from the case alone"},
	{"playbooks/report", "contain", nil, "how acts stand is handed in as data: contain brings AWS's SDK"},
	{"playbooks/report", "collect", nil, "a report is made from the case alone"},
	{"playbooks/practices", "github.com/aws/aws-sdk-go-v2", nil, "assessments run over a case, offline"},
	{"internal/alert", module + "/", nil, "what arrives is read before anything else of ours is trusted with it"},
	{"internal/mandate", "github.com/aws/aws-sdk-go-v2", nil, "a mandate is decided on facts that are handed in, the same for the same input"},
	{"internal/mandate", "contain", nil, "the acts that exist are handed in: contain brings AWS's SDK"},
	{"internal/mandate", "collect", nil, "a mandate is decided on facts that are handed in"},
	{"internal/mandate", "playbooks", nil, "a mandate names a playbook; who runs it stands above"},
	{"internal/notice", "playbooks", nil, "what is told is handed in; the verb notify stands above"},
	{"internal/notice", "collect", nil, "what is told is handed in"},
	{"", module + "/internal/evidence/secretscan", []string{"internal/evidence/secretscan"}, "a tool of the tests"},
}

// allowed are single imports that a rule would refuse, each with its reason.
var allowed = map[string]string{
	"internal/awsapi -> github.com/aws/aws-sdk-go-v2/service/sts": "GetCallerIdentity and AssumeRole are what a session is",
}

func TestImports(t *testing.T) {
	checked := 0
	eachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return // tests may reach across to judge
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		from := filepath.ToSlash(filepath.Dir(path))
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			checked++
			for _, r := range rules {
				if r.refuses(from, imp) {
					t.Errorf("%s imports %s: %s", path, imp, r.Why)
				}
			}
		}
	})
	if checked < 50 {
		t.Fatalf("only %d imports seen: the walk is broken", checked)
	}
}

func (r rule) refuses(from, imp string) bool {
	local := strings.TrimPrefix(strings.TrimPrefix(imp, module), "/")
	if !under(from, r.From) || (!under(local, r.Deny) && !strings.HasPrefix(imp, r.Deny)) {
		return false
	}
	for _, e := range r.Except {
		if under(from, e) {
			return false
		}
	}
	return allowed[from+" -> "+imp] == ""
}

func under(path, dir string) bool {
	return dir == "" || path == dir || strings.HasPrefix(path, dir+"/")
}

// TestRulesBite proves that the rules refuse what they should.
func TestRulesBite(t *testing.T) {
	for _, c := range []struct {
		from, imp string
		refused   bool
	}{
		{"collect", module + "/contain", true},
		{"timeline/sigma", "github.com/aws/aws-sdk-go-v2/service/s3", true},
		{"internal/awsapi", "github.com/aws/aws-sdk-go-v2/service/lambda", true},
		{"internal/awsapi", "github.com/aws/aws-sdk-go-v2/service/sts", false},
		{"internal/vault/s3vault", "github.com/aws/aws-sdk-go-v2/service/s3", false},
		{"collect", module + "/internal/awssim", true},
		{"timeline/lineage", module + "/test/stories", true},
		{"internal/finding", module + "/timeline", true},
		{"timeline/lineage", module + "/internal/finding", false},
		{"playbooks/tabletop", module + "/internal/awssim", false},
		{"contain", module + "/internal/evidence", false},
		{"internal/alert", module + "/internal/evidence", true},
		{"internal/mandate", module + "/contain", true},
		{"internal/mandate", module + "/internal/alert", false},
		{"playbooks", module + "/internal/ui", true},
	} {
		got := false
		for _, r := range rules {
			got = got || r.refuses(c.from, c.imp)
		}
		if got != c.refused {
			t.Errorf("%s -> %s: refused %v, want %v", c.from, c.imp, got, c.refused)
		}
	}
}

// TestSizes keeps files and functions short enough to be read at once.
func TestSizes(t *testing.T) {
	eachGoFile(t, func(path string) {
		full := filepath.Join(root, path)
		if n := lines(t, full); n > 450 && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines; split it at 450", path, n)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, full, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(path, "_test.go") {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line; n > 60 {
				t.Errorf("%s: %s has %d lines; split it at 60", path, fn.Name.Name, n)
			}
		}
	})
}

// TestNoInit: no init functions (registration is a line in a catalogue).
func TestNoInit(t *testing.T) {
	eachGoFile(t, func(path string) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", path)
			}
		}
	})
}

// TestPackagesOpenWithTheirPurpose: each package has a doc comment.
func TestPackagesOpenWithTheirPurpose(t *testing.T) {
	has := map[string]bool{}
	eachGoFile(t, func(path string) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(path, "_test.go") {
			has[filepath.Dir(path)] = has[filepath.Dir(path)] || f.Doc != nil
		}
	})
	for dir, ok := range has {
		if !ok {
			t.Errorf("package in %s has no doc comment", dir)
		}
	}
}

const root = "../.."

func eachGoFile(t *testing.T, do func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			do(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, path string) int {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, s := 0, bufio.NewScanner(f)
	for s.Scan() {
		n++
	}
	return n
}
