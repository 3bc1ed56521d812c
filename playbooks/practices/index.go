package practices

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// key names a planned artefact. What is of a whole account or region has no ARN.
type key struct{ artefact, arn, qualifier, account, region string }

func keyOf(artefact string, s evidence.Source) key {
	k := key{artefact: artefact, arn: s.ARN, qualifier: s.Qualifier}
	if s.ARN == "" {
		k.account, k.region = s.Account, s.Region
	}
	return k
}

// entry is what the newest sealed collection that asked for an artefact says of it. item and
// gap are both set where it was cut short.
type entry struct {
	bag    *evidence.Bag
	source evidence.Source
	state  evidence.State
	item   *evidence.Item // never the sealed one of twins
	gap    *evidence.Gap
	secret bool // only ciphertext is there
}

// index is what the case holds of the artefacts that checks read: coverage lines, no bytes.
type index struct {
	entries map[key]*entry
	under   map[key][]key // by artefact and ARN: all qualifiers, as the newest collection has them
	newest  map[key]string
	targets []string // functions, in the order of their ARNs
	roles   map[string]roleUse
	whole   map[string]bool // of the newest bag of a chain: it has no gap
	scans   scans           // of packages, as checks ask for them
}

// roleUse is the role of a function's $LATEST: every function asks for every other's.
type roleUse struct {
	role string
	at   Origin
}

// read goes through the coverage of all sealed collections, newest first.
func read(ctx context.Context, c *evidence.Case, reads map[string]bool) (*index, error) {
	x := &index{entries: map[key]*entry{}, under: map[key][]key{}, newest: map[key]string{}, roles: map[string]roleUse{}, whole: map[string]bool{}}
	seen := map[string]bool{}
	root := map[string]string{} // bag -> the newest collection that goes on with it, itself if none
	for f, err := range c.Find(ctx, func(e evidence.Entry) bool { return reads[e.Artefact] || e.Artefact == "lambda.configuration" }) {
		if err != nil {
			return nil, fmt.Errorf("reading the coverage: %w", err)
		}
		if f.Entry.Artefact == "lambda.configuration" && !seen[f.Entry.Source.ARN] {
			seen[f.Entry.Source.ARN] = true
			x.targets = append(x.targets, f.Entry.Source.ARN)
		}
		x.add(f, root)
	}
	slices.Sort(x.targets)
	return x, nil
}

// chain is the newest bag of those that go on with one another: they come newest first.
func chain(b *evidence.Bag, root map[string]string) string {
	id := b.ID()
	if from := b.Header().Continues; from != "" {
		if root[id] == "" {
			root[id] = id
		}
		root[from] = root[id]
	}
	if root[id] == "" {
		root[id] = id
	}
	return root[id]
}

func (x *index) add(f evidence.Found, root map[string]string) {
	k := keyOf(f.Entry.Artefact, f.Entry.Source)
	all := k
	all.qualifier = ""
	c := chain(f.Bag, root)
	if f.Bag.ID() == c {
		x.whole[c] = f.Bag.Header().Status == evidence.StatusComplete
	}
	if x.newest[all] == "" {
		x.newest[all] = c
	}
	had := x.entries[k]
	if had == nil {
		had = &entry{bag: f.Bag, source: f.Entry.Source, state: f.Entry.State}
		x.entries[k] = had
		if x.newest[all] == c && !x.superseded(k, all, f.Bag) {
			x.under[all] = append(x.under[all], k)
		}
	} else if had.bag.ID() != f.Bag.ID() {
		return // an older collection's
	}
	had.take(f.Entry)
}

// superseded: that there may be more is over when the collection was resumed and says what there
// is, or ended without a gap.
func (x *index) superseded(k, all key, b *evidence.Bag) bool {
	if newest := x.newest[all]; k.qualifier == "*" && newest != b.ID() && x.whole[newest] {
		return true
	}
	return k.qualifier == "*" && slices.ContainsFunc(x.under[all], func(o key) bool { return x.entries[o].bag.ID() != b.ID() })
}

// take adds one of the lines that an artefact has in one bag: a sealed document and its redacted
// twin are two, and so are what came of a listing and why it ends.
func (e *entry) take(line evidence.Entry) {
	if line.Gap != nil {
		e.gap = line.Gap
	}
	if line.Item != nil {
		if line.Item.Sensitive {
			e.secret = true
		} else {
			e.item = line.Item
		}
	}
	if !line.State.Complete() {
		e.state = line.State
	}
}

// Functions are the functions that the case has a configuration of, or wanted one.
func (x *index) functions(names []string) ([]string, error) {
	if len(names) == 0 {
		return x.targets, nil
	}
	var out []string
	for _, n := range names {
		found := false
		for _, arn := range x.targets {
			if arn == n || strings.HasSuffix(arn, ":function:"+n) {
				found = true
				if !slices.Contains(out, arn) {
					out = append(out, arn)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: %q", ErrNoFunction, n)
		}
	}
	slices.Sort(out)
	return out, nil
}
