package changes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// maxDocument bounds one JSON document, in bytes.
const maxDocument = 8 << 20

// Sides are all deployments of a function that the case holds: by collection, and within
// one by version, $LATEST last.
func Sides(ctx context.Context, c *evidence.Case, function string) ([]Side, error) {
	var out []Side
	wanted := func(e evidence.Entry) bool {
		return e.Artefact == "lambda.configuration" && e.Item != nil && names(e.Source.ARN, function)
	}
	for f, err := range c.Find(ctx, wanted) {
		if err != nil {
			return nil, err
		}
		var doc struct{ Configuration map[string]any }
		if err := readJSON(ctx, f.Bag, *f.Entry.Item, &doc); err != nil {
			return nil, err
		}
		h := f.Bag.Header()
		out = append(out, Side{
			Bag: f.Bag.ID(), Version: f.Entry.Source.Qualifier, Collected: h.Started.UTC().Format(time.RFC3339),
			CodeSha256: text(doc.Configuration["CodeSha256"]), Modified: text(doc.Configuration["LastModified"]),
			bag: f.Bag, config: doc.Configuration,
		})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no configuration of function %q in a sealed bag", ErrNoSide, function)
	}
	slices.SortStableFunc(out, func(a, b Side) int {
		return cmp.Or(strings.Compare(a.Bag, b.Bag), cmp.Compare(number(a.Version), number(b.Version)))
	})
	return out, nil
}

// names says whether an ARN is that of the function named; "" is any.
func names(arn, function string) bool {
	return function == "" || arn == function || strings.HasSuffix(arn, ":function:"+function)
}

// number orders versions; $LATEST comes last.
func number(version string) int64 {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 1 << 62
	}
	return n
}

func readJSON(ctx context.Context, b *evidence.Bag, it evidence.Item, v any) error {
	r, err := b.Open(ctx, it)
	if err != nil {
		return fmt.Errorf("read %s of bag %s: %w", it.Path, b.ID(), err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err = errors.Join(err, r.Close()); err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s of bag %s: %w", it.Path, b.ID(), err)
	}
	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
