// Package changes says what differs between two deployments of a function, from the case
// alone: the files of the code, the configuration, the keys of the environment, layers,
// role and policies; across versions, and across collections.
//
// Values of an environment are never shown. Within one bag their redacted twins tell
// whether they are equal; between bags nobody can tell without revealing them.
package changes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// ErrNoSide: the case does not hold the deployment that was named.
var ErrNoSide = errors.New("not in the case")

// Side is one deployment: a version of the function as one bag has it.
type Side struct {
	Bag        string `json:"bag"`
	Version    string `json:"version"`
	Collected  string `json:"collected"` // RFC 3339
	CodeSha256 string `json:"code_sha256"`
	Modified   string `json:"last_modified"`

	bag    *evidence.Bag
	config map[string]any // GetFunction's Configuration
}

// What became of something between two sides.
type What string

// Kinds of changes.
const (
	Added   What = "added"
	Removed What = "removed"
	Changed What = "changed"
	Unknown What = "unknown" // both have it; whether it is the same cannot be told
)

// FileChange is one file of the code that is not the same.
type FileChange struct {
	Path string   `json:"path"`
	What What     `json:"what"`
	Kind string   `json:"kind"` // text, script, ELF, ...
	From string   `json:"from_sha256,omitempty"`
	To   string   `json:"to_sha256,omitempty"`
	Size [2]int64 `json:"size"` // before, after
	Diff string   `json:"diff,omitempty"`
	Note string   `json:"note,omitempty"` // why there is no diff
}

// FieldChange is one member of a document that is not the same; values as JSON.
type FieldChange struct {
	Field string `json:"field"`
	What  What   `json:"what"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// DocumentChange is a document of the role or of a policy that is not the same.
type DocumentChange struct {
	Artefact  string        `json:"artefact"`
	Resource  string        `json:"resource"`
	Qualifier string        `json:"qualifier,omitempty"`
	What      What          `json:"what"`
	Fields    []FieldChange `json:"fields,omitempty"`
}

// Report is what differs.
type Report struct {
	Function    string           `json:"function"` // ARN
	From        Side             `json:"from"`
	To          Side             `json:"to"`
	SameCode    bool             `json:"same_code"` // by CodeSha256
	Files       []FileChange     `json:"files"`
	Odd         []string         `json:"odd"` // of either archive
	Config      []FieldChange    `json:"configuration"`
	Environment []FieldChange    `json:"environment"` // keys; never values
	Documents   []DocumentChange `json:"documents"`   // role, policies: between bags, and per qualifier
	Missing     []string         `json:"missing"`     // what could not be compared, and why
}

// Options say which deployments to compare: VERSION or VERSION@BAG, where BAG is the end of a
// bag's id. Empty: To is $LATEST of the newest bag, From is what came before it.
type Options struct {
	Function string // name or ARN
	From, To string
	MaxText  int64 // bytes of a text file of which a diff is made; 0 is 256 KiB
}

// Compare says what differs.
func Compare(ctx context.Context, c *evidence.Case, o Options) (*Report, error) {
	if o.MaxText == 0 {
		o.MaxText = 256 << 10
	}
	all, err := Sides(ctx, c, o.Function)
	if err != nil {
		return nil, err
	}
	to, err := pick(all, o.To, len(all)-1)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	from, err := pick(all, o.From, before(all, to))
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	a, b := all[from], all[to]
	r := &Report{
		Function: text(b.config["FunctionArn"]), From: a, To: b, SameCode: a.CodeSha256 == b.CodeSha256 && a.CodeSha256 != "",
		Files: []FileChange{}, Odd: []string{}, Config: []FieldChange{}, Environment: []FieldChange{}, Documents: []DocumentChange{}, Missing: []string{},
	}
	r.Function = strings.TrimSuffix(r.Function, ":"+b.Version)
	r.Config = fields("", strip(a.config), strip(b.config))
	r.environment(a, b)
	if err := r.documents(ctx, a, b); err != nil {
		return nil, err
	}
	if r.SameCode {
		return r, nil
	}
	return r, r.code(ctx, c, o.MaxText)
}

// String is the side as --from and --to take it.
func (s Side) String() string { return s.Version + "@" + s.Bag }

// pick finds a side by VERSION or VERSION@BAG; otherwise is where "" leads. Of several
// bags that have the version, the newest counts.
func pick(all []Side, name string, otherwise int) (int, error) {
	if name == "" {
		if otherwise < 0 {
			return 0, fmt.Errorf("%w: nothing to compare with; the case has only %s", ErrNoSide, all[len(all)-1])
		}
		return otherwise, nil
	}
	version, bag, _ := strings.Cut(name, "@")
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Version == version && strings.HasSuffix(all[i].Bag, strings.ToUpper(bag)) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrNoSide, name)
}

// before is what To came out of: the newest deployment before it whose code is another, or
// else the one before it; -1 if there is none.
func before(all []Side, to int) int {
	for i := to - 1; i >= 0; i-- {
		if all[i].CodeSha256 != all[to].CodeSha256 {
			return i
		}
	}
	return to - 1
}
