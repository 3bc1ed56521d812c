package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/zricethezav/gitleaks/v8/detect"
)

// maxScanned is how much of one text is looked through for secrets.
const maxScanned = 8 << 20

// Secret is where a secret seems to stand. What it is is never kept: not its text, not its
// hash, not the line.
type Secret struct {
	Path string `json:"path"`
	Line int    `json:"line"` // from 1
	Rule string `json:"rule"` // "aws-access-token"
	What string `json:"what"`
}

// Scanner finds secrets by gitleaks' rules. Safe for use by one goroutine at a time.
type Scanner struct{ d *detect.Detector }

// compiling: gitleaks reads its rules through a variable of viper's that all its callers share.
var compiling sync.Mutex

// NewScanner compiles the rules.
func NewScanner() (*Scanner, error) {
	compiling.Lock()
	defer compiling.Unlock()
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, fmt.Errorf("compile the rules for secrets: %w", err)
	}
	return &Scanner{d}, nil
}

// Text looks through one text.
func (s *Scanner) Text(path string, text []byte) []Secret {
	var out []Secret
	for _, f := range s.d.DetectBytes(text) {
		out = append(out, Secret{Path: path, Line: f.StartLine + 1, Rule: f.RuleID, What: f.Description})
	}
	return out
}

// Inspection is what lies in one package, and what was found there.
type Inspection struct {
	Index
	Executables []string `json:"executables"` // machine code and scripts
	Secrets     []Secret `json:"secrets"`
	Unscanned   []string `json:"unscanned"` // texts that are longer than is looked through, archives within the archive
}

// Package inspects a deployment package or layer: its index, and secrets in its texts.
func Package(ctx context.Context, r io.ReaderAt, size int64, s *Scanner) (*Inspection, error) {
	out := &Inspection{Executables: []string{}, Secrets: []Secret{}, Unscanned: []string{}}
	x, err := Zip(ctx, r, size, Limits{}, func(e Entry, body io.Reader) error {
		switch {
		case e.Kind == Archive:
			out.Unscanned = append(out.Unscanned, e.Name+": an archive within the archive")
		case e.Kind.Executable():
			out.Executables = append(out.Executables, e.Name)
		}
		if e.Kind != Text && e.Kind != Script {
			return nil
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, io.LimitReader(body, maxScanned)); err != nil {
			return err
		}
		if text.Len() == maxScanned {
			out.Unscanned = append(out.Unscanned, fmt.Sprintf("%s: only its first %d bytes were looked through", e.Name, maxScanned))
		}
		out.Secrets = append(out.Secrets, s.Text(e.Name, text.Bytes())...)
		return ctx.Err()
	})
	if errors.Is(err, ErrNotZip) {
		out.Entries, out.Odd = []Entry{}, []string{err.Error()}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Index = *x
	return out, nil
}
