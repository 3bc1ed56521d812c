package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestSkipsAreListed: a test that leaves itself to the plain run under -short is in the list of
// skips that are allowed, where its reason stands; a whole run of the checks would say so too, at
// its end.
func TestSkipsAreListed(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(root, ".ci", "skips"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(line, ":")
		listed[name] = true
	}
	found := 0
	eachGoFile(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") || fn.Body == nil || !skipsWhenShort(fn) {
				continue
			}
			found++
			if name := module + "/" + path.Dir(filepath.ToSlash(file)) + " " + fn.Name.Name; !listed[name] {
				t.Errorf("%s: %s is skipped under -short, and is not in .ci/skips: add %q with the reason", file, fn.Name.Name, name+": ")
			}
		}
	})
	if found < 20 {
		t.Errorf("only %d tests are skipped under -short: the walk is broken", found)
	}
}

// skipsWhenShort says whether a test skips itself, not a part of it, in so many words.
func skipsWhenShort(fn *ast.FuncDecl) bool {
	for _, s := range fn.Body.List {
		is, ok := s.(*ast.IfStmt)
		if !ok || !asksShort(is.Cond) {
			continue
		}
		for _, in := range is.Body.List {
			x, ok := in.(*ast.ExprStmt)
			if !ok {
				continue
			}
			call, ok := x.X.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				continue
			}
			if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
				if said, err := strconv.Unquote(text.Value); err == nil && strings.HasPrefix(said, "SKIPPED LOUDLY") {
					return true
				}
			}
		}
	}
	return false
}

func asksShort(cond ast.Expr) (short bool) {
	ast.Inspect(cond, func(n ast.Node) bool {
		x, ok := n.(*ast.SelectorExpr)
		short = short || ok && x.Sel.Name == "Short"
		return !short
	})
	return short
}
