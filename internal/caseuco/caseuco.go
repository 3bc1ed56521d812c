// Package caseuco writes the chain of custody of a case as JSON-LD in the Cyber-investigation
// Analysis Standard Expression (CASE) and the Unified Cyber Ontology (UCO), the community's
// form for exchanging who did what with which evidence. The same case gives the same bytes.
//
// An event of the ledger is an InvestigativeAction, each informed by the one before it; its
// actor an Identity, its tool a Tool, the host its environment. A stored artefact is an
// ObservableObject with the hash of its stored bytes, and a ProvenanceRecord whose exhibit
// number is the artefact's id; a gap is an Annotation of the collecting action. What the
// vocabulary has no property for (sources, calls, request ids) stands in descriptions.
package caseuco

import (
	"bufio"
	gocontext "context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Write writes the whole chain. describe says in words what an event records.
func Write(ctx gocontext.Context, out io.Writer, c *evidence.Case, describe func(evidence.Event, evidence.Header) string) error {
	g := &graph{id: c.ID, w: bufio.NewWriter(out), seen: map[ref]bool{}, describe: describe}
	g.begin()
	bags := map[string]*evidence.Bag{}
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return err
		}
		bags[b.ID()] = b
	}
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return err
		}
		if err := g.event(ctx, e, bags); err != nil {
			return err
		}
	}
	g.end(c)
	if g.err == nil {
		g.err = g.w.Flush()
	}
	return g.err
}

type graph struct {
	id       string // of the case
	w        *bufio.Writer
	describe func(evidence.Event, evidence.Header) string
	some     bool
	seen     map[ref]bool // small nodes that several others share
	actions  []ref
	err      error
}

func (g *graph) begin() {
	text, err := json.MarshalIndent(context(g.id), "  ", "  ")
	g.fail(err)
	_, err = fmt.Fprintf(g.w, "{\n  \"@context\": %s,\n  \"@graph\": [", text)
	g.fail(err)
}

func (g *graph) fail(err error) {
	if g.err == nil && err != nil {
		g.err = fmt.Errorf("write CASE/UCO: %w", err)
	}
}

// add writes one node, a line.
func (g *graph) add(node any) {
	var line strings.Builder
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	g.fail(enc.Encode(node))
	separator := ",\n    "
	if !g.some {
		separator = "\n    "
	}
	g.some = true
	_, err := g.w.WriteString(separator + strings.TrimSuffix(line.String(), "\n"))
	g.fail(err)
}

// once writes a node that others share, the first time it is asked for.
func (g *graph) once(r ref, node any) ref {
	if !g.seen[r] {
		g.seen[r] = true
		g.add(node)
	}
	return r
}

func (g *graph) end(c *evidence.Case) {
	authority := name(g.id, "authorization", "")
	inv := investigation{
		object:  object{ref: name(g.id, "investigation", ""), Type: "case-investigation:Investigation", Name: c.Title, Description: []string{"case " + c.ID + ", opened by " + c.Operator}, Created: moment(c.Opened)},
		Objects: g.actions,
	}
	if c.Authority != "" {
		g.add(object{ref: authority, Type: "case-investigation:Authorization", Name: c.Authority})
		inv.Authorization = []ref{authority}
	}
	g.add(inv)
	_, err := g.w.WriteString("\n  ]\n}\n")
	g.fail(err)
}

// event is one action. Its bag's artefacts are its results.
func (g *graph) event(ctx gocontext.Context, e evidence.Event, bags map[string]*evidence.Bag) error {
	self := name(g.id, "action", e.ID)
	a := action{
		object: object{ref: self, Type: "case-investigation:InvestigativeAction", Name: string(e.Type)},
		Start:  moment(e.Clock), End: moment(e.Clock),
	}
	var h evidence.Header
	if b := bags[e.Data["bag"]]; b != nil {
		h = b.Header()
	}
	a.Description = append(a.Description, g.describe(e, h))
	if e.Reason != "" {
		a.Description = append(a.Description, "reason: "+e.Reason)
	}
	if who := g.identity(e.Actor, ""); who != nil {
		a.Performer = who
	}
	if n := len(g.actions); n > 0 {
		a.After = []ref{g.actions[n-1]}
	}
	for _, d := range e.Covers {
		if strings.HasPrefix(d.Path, "ledger/heads/") {
			continue // signatures over the event before
		}
		r := name(g.id, "file", d.Path)
		a.Results = append(a.Results, g.once(r, fileOf(g.id, d.Path, d.SHA256, -1, false)))
	}
	if b := bags[e.Data["bag"]]; b != nil && b.Sealed() && covers(e, b.ID()) {
		if err := g.bag(ctx, &a, b); err != nil {
			return err
		}
	}
	g.add(a)
	g.actions = append(g.actions, self)
	return nil
}

// covers says whether the event brought the bag into the ledger.
func covers(e evidence.Event, bag string) bool {
	for _, d := range e.Covers {
		if strings.HasPrefix(d.Path, "collections/"+bag+"/") {
			return true
		}
	}
	return false
}

func (g *graph) identity(who, described string) *ref {
	if who == "" {
		return nil
	}
	node := object{ref: name(g.id, "identity", who), Type: "uco-identity:Identity", Name: who}
	if described != "" {
		node.Description = []string{described}
	}
	r := g.once(node.ref, node)
	return &r
}

// bag adds what a bag holds to the action that filled it.
func (g *graph) bag(ctx gocontext.Context, a *action, b *evidence.Bag) error {
	h := b.Header()
	a.Start, a.End = moment(h.Started), moment(h.Ended)
	if h.Principal != "" {
		a.Description = append(a.Description, "as "+h.Principal)
	}
	if h.Host != "" {
		host := object{ref: name(g.id, "host", h.Host), Type: "uco-observable:ObservableObject", Name: h.Host, Description: []string{"the computer that the action was done on"}}
		r := g.once(host.ref, host)
		a.Environment = &r
	}
	if h.Tool.Name != "" {
		id := strings.Join([]string{h.Tool.Name, h.Tool.Version, h.Tool.Commit, h.Tool.SHA256}, " ")
		t := tool{object: object{ref: name(g.id, "tool", id), Type: "uco-tool:Tool", Name: h.Tool.Name}, Version: h.Tool.Version}
		if h.Tool.SHA256 != "" {
			t.Description = []string{"commit " + h.Tool.Commit + ", SHA-256 of the executable " + h.Tool.SHA256}
		}
		a.Instrument = []ref{g.once(t.ref, t)}
	}
	entries, err := b.Coverage(ctx)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if e.Item == nil {
			g.gap(a.ref, b.ID(), i, e)
			continue
		}
		path := b.Ref(*e.Item).Path
		f := fileOf(g.id, path, e.Item.SHA256, e.Item.Size, e.Item.Ciphertext(), append(sourceText(*e.Item), "state "+string(e.State))...)
		f.Created = moment(e.Item.Ended)
		g.add(f)
		record := name(g.id, "provenance", e.Item.ID)
		g.add(provenance{object{ref: record, Type: "case-investigation:ProvenanceRecord", Name: e.Artefact}, e.Item.ID, []ref{f.ref}})
		a.Results = append(a.Results, record, f.ref)
	}
	return nil
}

func (g *graph) gap(of ref, bag string, i int, e evidence.Entry) {
	words := []string{"not collected: " + e.Artefact, e.Source.ARN, e.Source.Qualifier, "(" + string(e.State) + ")"}
	if e.Gap != nil {
		words = append(words, e.Gap.Call, e.Gap.Error, e.Gap.Note)
	}
	g.add(annotation{
		object{ref: name(g.id, "gap", fmt.Sprint(bag, " ", i)), Type: "uco-core:Annotation"},
		[]string{strings.Join(strings.Fields(strings.Join(words, " ")), " ")}, []ref{of},
	})
}
