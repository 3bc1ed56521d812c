package contain

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// maxKept bounds a document of the case that planning reads: what is in a case came from
// the account, and is as hostile as any.
const maxKept = 16 << 20

// errNotKept: the case does not hold it.
var errNotKept = errors.New("the case does not hold it")

type caseKey struct{}

// withCase hands the case to readings and steps that need what lies in it.
func withCase(ctx context.Context, c *evidence.Case) context.Context {
	if k := keeperOf(ctx); k != nil && k.kase == c {
		return ctx
	}
	return context.WithValue(ctx, caseKey{}, &keeper{kase: c})
}

// keeperOf is the case's keeper, nil without a case.
func keeperOf(ctx context.Context) *keeper {
	k, _ := ctx.Value(caseKey{}).(*keeper)
	return k
}

// caseOf is the case of the run, nil without one.
func caseOf(ctx context.Context) *evidence.Case {
	if k := keeperOf(ctx); k != nil {
		return k.kase
	}
	return nil
}

// firstChange is the time of the first finding on a function: what was collected before
// it was not yet of the intruder's making. The zero time is that there is none.
func firstChange(all []finding.Finding, function string) time.Time {
	var at time.Time
	for _, f := range all {
		if unqualified((Answer{}).target(f)) == function && (at.IsZero() || f.At.Before(at)) {
			at = f.At
		}
	}
	return at
}

// kept reads the newest collected artefact that ok accepts into v. A collection that was
// never sealed counts for nothing.
func kept(ctx context.Context, c *evidence.Case, a Artefact, ok func(evidence.Item) bool, v any) (evidence.Ref, error) {
	if c == nil {
		return evidence.Ref{}, errNotKept
	}
	want := func(e evidence.Entry) bool {
		return e.Item != nil && e.State == evidence.Collected && artefactOf(e) == a && ok(*e.Item)
	}
	for f, err := range c.Find(ctx, want) {
		if err != nil {
			return evidence.Ref{}, fmt.Errorf("looking for %s in the case: %w", a.Name, err)
		}
		return f.Bag.Ref(*f.Entry.Item), readKept(ctx, f, v)
	}
	return evidence.Ref{}, errNotKept
}

func readKept(ctx context.Context, f evidence.Found, v any) (err error) {
	r, err := f.Bag.Open(ctx, *f.Entry.Item)
	if err != nil {
		return fmt.Errorf("reading %s of the case: %w", f.Entry.Artefact, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b, err := io.ReadAll(io.LimitReader(r, maxKept+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading %s of the case: %w", f.Entry.Artefact, err)
	case len(b) > maxKept:
		return fmt.Errorf("%s of the case is larger than %d bytes", f.Entry.Artefact, maxKept)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s of the case is not what it should be: %w", f.Entry.Artefact, err)
	}
	return nil
}

// holds says whether what was stored is a package with this CodeSha256. Of ciphertext only
// what AWS declared is known until it is opened.
func holds(it evidence.Item, sha256 string) bool {
	sum, err := base64.StdEncoding.DecodeString(sha256)
	if err != nil || len(sum) == 0 {
		return false
	}
	if it.Ciphertext() {
		return it.Declared != nil && it.Declared.Value == sha256 && it.Declared.Matches
	}
	return it.SHA256 == hex.EncodeToString(sum)
}

// packaged is the package with this CodeSha256, of whichever version it was collected. Its
// hash is taken before anybody uploads it.
func packaged(ctx context.Context, c *evidence.Case, sha string) ([]byte, error) {
	want := func(e evidence.Entry) bool {
		return e.Item != nil && e.State == evidence.Collected && e.Artefact == "lambda.code" && holds(*e.Item, sha)
	}
	if c == nil {
		return nil, fmt.Errorf("package with CodeSha256 %s: %w", sha, errNotKept)
	}
	var damaged error
	for f, err := range c.Find(ctx, want) {
		if err != nil {
			return nil, fmt.Errorf("looking for the package in the case: %w: %w", errNotKept, err)
		}
		b, err := packageOf(ctx, f, sha)
		if err == nil {
			return b, nil
		}
		damaged = errors.Join(damaged, err)
	}
	return nil, errors.Join(fmt.Errorf("package with CodeSha256 %s: %w", sha, errNotKept), damaged)
}

func packageOf(ctx context.Context, f evidence.Found, sha string) (b []byte, err error) {
	r, err := f.Bag.Open(ctx, *f.Entry.Item)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if b, err = io.ReadAll(io.LimitReader(r, maxUpload+1)); err != nil {
		return nil, fmt.Errorf("reading a package of the case: %w", err)
	}
	if len(b) > maxUpload {
		return nil, fmt.Errorf("the package has more than %d bytes, which no request takes", maxUpload)
	}
	if sum := sha256.Sum256(b); base64.StdEncoding.EncodeToString(sum[:]) != sha {
		return nil, fmt.Errorf("the package in %s is not the one with CodeSha256 %s", f.Entry.Item.Path, sha)
	}
	return b, nil
}
