package lineage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

const maxChanges = 500

// change notes a successful call that changed the function.
func (w *watch) change(n *Node, e *timeline.Event) {
	c := Change{At: e.Time, What: whatOf(e.Action), Action: "lambda:" + e.Action, By: n.ID, Who: e.Principal.String(), From: e.Address, Event: e.ID}
	x := &e.Change
	var parts []string
	add := func(label, v string) {
		if v != "" {
			parts = append(parts, label+v)
		}
	}
	switch c.What {
	case "code", "created":
		c.CodeHash, c.WasHash = x.CodeHash, x.WasHash
		add("code ", x.CodeHash)
		if x.Version != "" && x.Version != "$LATEST" {
			c.Versions = []string{x.Version}
		}
	case "version":
		w.published(x.CodeHash, x.Version)
		add("version ", x.Version)
		add("of code ", x.CodeHash)
	case "policy":
		add(x.Allows+" to ", x.Grantee)
		add("statement ", x.Sid)
	case "url":
		add("auth ", x.AuthType)
		add("", x.URL)
	case "trigger":
		add("from ", e.Name("request.eventSourceArn", "response.eventSourceArn"))
	case "alias":
		add("", e.Name("request.name"))
		add("to version ", e.Name("request.functionVersion", "response.functionVersion"))
	}
	if c.What == "configuration" || c.What == "created" {
		add("role ", x.Role)
		add("layers ", x.Layers)
	}
	add("", x.Setting)
	c.Text = strings.TrimSpace(e.Action + " (" + strings.Join(parts, ", ") + ")")
	if len(parts) == 0 {
		c.Text = e.Action
	}
	w.put(c)
	if len(c.Versions) > 0 {
		w.published(c.CodeHash, c.Versions[0])
	}
}

func (w *watch) put(c Change) {
	if len(w.changes) >= maxChanges {
		w.left++
		return
	}
	w.changes = append(w.changes, c)
}

func whatOf(action string) string {
	switch {
	case action == "CreateFunction":
		return "created"
	case action == "UpdateFunctionCode":
		return "code"
	case action == "UpdateFunctionConfiguration":
		return "configuration"
	case strings.HasSuffix(action, "Permission"):
		return "policy"
	case strings.HasSuffix(action, "FunctionUrlConfig"):
		return "url"
	case strings.HasSuffix(action, "EventSourceMapping"):
		return "trigger"
	case strings.Contains(action, "Concurrency"):
		return "concurrency"
	case action == "PublishVersion":
		return "version"
	case strings.HasSuffix(action, "Alias"):
		return "alias"
	case action == "DeleteFunction":
		return "deleted"
	}
	return "other"
}

// published ties a version to the last change that brought its code.
func (w *watch) published(hash, version string) {
	if hash == "" || version == "" || version == "$LATEST" {
		return
	}
	for i, c := range slices.Backward(w.changes) {
		if (c.What == "code" || c.What == "created") && c.CodeHash == hash {
			if !slices.Contains(c.Versions, version) {
				w.changes[i].Versions = append(w.changes[i].Versions, version)
			}
			return
		}
	}
}

// join looks into the case for the code of each hash, and for the names that the
// environment had each time it was collected.
func (s *Story) join(ctx context.Context, c *evidence.Case) error {
	if c == nil {
		for i := range s.History {
			if s.History[i].CodeHash != "" {
				s.History[i].CodeNote = "no case was read"
			}
		}
		return nil
	}
	same := timeline.SameFunction(s.Function)
	codes := map[string]evidence.Ref{}
	var configs []evidence.Found
	for f, err := range c.Find(ctx, func(e evidence.Entry) bool {
		return e.Item != nil && (e.Artefact == "lambda.code" || e.Artefact == "lambda.configuration") && same(e.Source.ARN)
	}) {
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Limits = append(s.Limits, fmt.Sprintf("a bag could not be searched for code: %v", err))
			continue
		}
		switch it := f.Entry.Item; {
		case it.Artefact == "lambda.configuration":
			if !it.Sensitive && len(configs) < 64 && (f.Entry.Source.Qualifier == "" || f.Entry.Source.Qualifier == "$LATEST") {
				configs = append(configs, f)
			}
		case it.Declared != nil && it.Declared.Matches:
			codes[it.Declared.Value] = f.Bag.Ref(*it)
		}
	}
	for i := range s.History {
		h := &s.History[i]
		if h.CodeHash == "" {
			continue
		}
		if ref, ok := codes[h.CodeHash]; ok {
			h.Code = &ref
		} else {
			h.CodeNote = "not in the case"
		}
	}
	return s.environments(ctx, configs)
}

// environments compares the names of variables from one collection to the next. Of values
// nothing is read: the redacted twin has none.
func (s *Story) environments(ctx context.Context, configs []evidence.Found) error {
	type seen struct {
		at    time.Time
		names []string
		item  string
	}
	var all []seen
	for _, f := range configs {
		r, err := f.Bag.Open(ctx, *f.Entry.Item)
		if err != nil {
			s.Limits = append(s.Limits, fmt.Sprintf("a collected configuration cannot be read: %v", err))
			continue
		}
		var d struct {
			Configuration struct {
				Environment struct{ Variables map[string]json.RawMessage }
			}
		}
		err = json.NewDecoder(io.LimitReader(r, 64<<20)).Decode(&d)
		if _ = r.Close(); err != nil {
			s.Limits = append(s.Limits, fmt.Sprintf("a collected configuration cannot be read: %v", err))
			continue
		}
		v := seen{at: f.Entry.Item.Started, item: f.Entry.Item.ID}
		for name := range d.Configuration.Environment.Variables {
			v.names = append(v.names, name)
		}
		slices.Sort(v.names)
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b seen) int { return a.at.Compare(b.at) })
	for i, v := range all {
		text := "environment variables as collected: " + strings.Join(v.names, ", ")
		if i > 0 {
			gone := without(all[i-1].names, v.names)
			come := without(v.names, all[i-1].names)
			if len(gone)+len(come) == 0 {
				continue
			}
			text = fmt.Sprintf("environment variables since the collection before: added %s; removed %s", orNone(come), orNone(gone))
		} else if len(v.names) == 0 {
			continue
		}
		s.History = append(s.History, Change{At: v.at, What: "environment", Text: text, Event: v.item})
	}
	slices.SortStableFunc(s.History, func(a, b Change) int { return a.At.Compare(b.At) })
	return nil
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// triggers adds to the history what wakes the function from outside of Lambda: rules,
// schedules and pipes whose records name it.
func (s *Story) triggers(g *Graph, w *watch) {
	if !isARN(w.function) {
		return
	}
	for _, f := range g.Made {
		at := strings.Index(f.Detail, w.function)
		if at < 0 || f.Kind != "rule-target" && f.Kind != "schedule" && f.Kind != "pipe" {
			continue
		}
		if rest := f.Detail[at+len(w.function):]; rest != "" && rest[0] != ':' && rest[0] != ',' {
			continue // the name of another that begins alike
		}
		s.History = append(s.History, Change{At: f.At, What: "trigger", Action: f.Action, Text: f.Action + " " + f.Name + " (" + string(f.State) + ")",
			By: f.By, Who: f.Who, From: f.From, Event: f.Event})
	}
	slices.SortStableFunc(s.History, func(a, b Change) int { return a.At.Compare(b.At) })
}
