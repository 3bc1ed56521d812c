package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// A collected version says which code it has. Whether that code is in the case, and by which
// call it came there, stands in other artefacts and is joined here, by the hash.

// States of a version's package, as events give them.
const (
	PackageMatch    = "match"    // it is in the case, and hashes to what AWS declared
	PackageMismatch = "mismatch" // it is in the case, and hashes to something else
	PackageMissing  = "missing"  // it is not in the case
	PackageImage    = "image"    // there is none: a container image
)

// packages are the deployment packages of a case, and those that could not be had. Guarded by
// the run while bags are listed.
type packages struct {
	byHash map[string]pack // function and declared hash
	gaps   map[string]pack // function and version
}

type pack struct{ state, path, why string }

const maxPackages = 1 << 16

func packageKey(function, of string) string {
	arn, _, _ := splitFunction(function)
	return cmp.Or(arn, function) + "\x00" + of
}

// learn books what coverage says of a package. What matches is preferred to what does not.
func (p *packages) learn(b *evidence.Bag, e evidence.Entry) {
	if e.Artefact != "lambda.code" || len(p.byHash)+len(p.gaps) >= maxPackages {
		return
	}
	if p.byHash == nil {
		p.byHash, p.gaps = map[string]pack{}, map[string]pack{}
	}
	switch {
	case e.Item != nil && e.Item.Declared != nil:
		x := pack{state: PackageMatch, path: b.Ref(*e.Item).Path}
		if !e.Item.Declared.Matches {
			x.state = PackageMismatch
		}
		key := packageKey(e.Source.ARN, e.Item.Declared.Value)
		if have, known := p.byHash[key]; !known || have.state == PackageMismatch && x.state == PackageMatch {
			p.byHash[key] = x
		}
	case e.Gap != nil && e.State == evidence.Absent && strings.Contains(e.Gap.Note, "container image"):
		p.gaps[packageKey(e.Source.ARN, e.Source.Qualifier)] = pack{state: PackageImage, why: e.Gap.Note}
	case e.Gap != nil:
		p.gaps[packageKey(e.Source.ARN, e.Source.Qualifier)] = pack{state: PackageMissing, why: strings.TrimSpace(string(e.State) + " " + cmp.Or(e.Gap.Error, e.Gap.Note))}
	}
}

// of is the package of a version that has that code.
func (p *packages) of(e *Event) pack {
	if x, known := p.byHash[packageKey(e.Function, e.Change.CodeHash)]; known {
		return x
	}
	if x, known := p.gaps[packageKey(e.Function, e.Qualifier)]; known {
		return x
	}
	return pack{state: PackageMissing, why: "nobody asked for it"}
}

// codeCall is a successful call that brought code to a function, or published it.
type codeCall struct {
	at                   time.Time
	id, action, who, vrs string
}

// codeCalls are the calls by function and hash. Bounded.
type codeCalls struct {
	all  map[string][]codeCall
	n    int
	more int64
}

const (
	maxCodeCalls = 1 << 15
	clocksApart  = time.Minute // a collected time may lie a moment before its call's
)

func (c *codeCalls) learn(e *Event) {
	if e.Kind != KindCloudTrail || e.Change.CodeHash == "" || e.Service != "lambda" || e.Outcome != Success || e.Change.Setting == "DryRun=true" || e.ID == "" {
		return
	}
	switch e.Action {
	case "CreateFunction", "UpdateFunctionCode", "PublishVersion":
	default:
		return
	}
	c.add(packageKey(e.Function, e.Change.CodeHash), codeCall{e.Time, strings.Clone(e.ID), strings.Clone(e.Action), strings.Clone(e.Principal.String()), strings.Clone(e.Change.Version)})
}

func (c *codeCalls) add(key string, x codeCall) {
	if c.n >= maxCodeCalls {
		c.more++
		return
	}
	if c.all == nil {
		c.all = map[string][]codeCall{}
	}
	have := c.all[key]
	at, known := slices.BinarySearchFunc(have, x, func(a, b codeCall) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id))
	})
	if known {
		return // a copy of the record
	}
	c.all[key] = slices.Insert(have, at, x)
	c.n++
}

func (c *codeCalls) join(o codeCalls) {
	c.more += o.more
	for key, all := range o.all {
		for _, x := range all {
			c.add(key, x)
		}
	}
}

// made are the call that brought the code of a version last before it was modified, and the one
// that published the version.
func (c *codeCalls) made(e *Event) (brought, published *codeCall) {
	all := c.all[packageKey(e.Function, e.Change.CodeHash)]
	for i := range all {
		x := &all[i]
		if x.at.After(e.Time.Add(clocksApart)) {
			break
		}
		if x.vrs != "" && x.vrs == e.Qualifier && x.vrs != "$LATEST" {
			published = x
		}
		if x.action != "PublishVersion" {
			brought = x
		}
	}
	return brought, published
}

// collected says of a version that was collected, or recorded by AWS Config, whether its code is
// in the case, and who brought it.
func (a *annotator) collected(e *Event) {
	if e.Kind != KindState || e.Change.CodeHash == "" || e.Function == "" {
		return
	}
	if a.packages != nil {
		p := a.packages.of(e)
		e.Change.Package, e.Change.PackagePath = p.state, p.path
		switch p.state {
		case PackageMatch:
			e.Message += "; its package is in the case and has that hash"
		case PackageMismatch:
			e.Message += "; the package in the case has ANOTHER hash"
		case PackageImage:
			e.Message += "; it is a container image and has no package"
		default:
			e.Message += "; its package is not in the case: " + cut(p.why, 256)
		}
	}
	brought, published := a.facts.code.made(e)
	switch {
	case brought == nil && published == nil:
		e.Message += "; no record of the call that brought it"
	case published == nil || brought == published:
		e.Message += "; " + brought.text("brought")
	case brought == nil:
		e.Message += "; " + published.text("published")
	default:
		e.Message += "; " + brought.text("brought") + ", " + published.text("published")
	}
	for _, x := range []*codeCall{brought, published} {
		if x == nil || slices.Contains(e.Cites, x.id) {
			continue
		}
		e.LinkedTo = cmp.Or(e.LinkedTo, x.id)
		e.Cites = append(e.Cites, x.id)
	}
	e.Message = cut(e.Message, MaxField)
}

func (c *codeCall) text(verb string) string {
	return fmt.Sprintf("%s by %s of %s at %s (%s)", verb, c.action, c.who, c.at.Format(time.RFC3339), c.id)
}
