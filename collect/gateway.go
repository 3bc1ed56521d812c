package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// What REST APIs on one side and HTTP and WebSocket APIs on the other have in common: both
// name the function in URIs of integrations and authorizers, and nothing leads from the
// function to them. All APIs of a region are read once for all targets of a run.

const (
	gatewayService = "apigateway.amazonaws.com"
	maxGateways    = 2_000 // APIs of a kind; AWS's quotas for a region are below (600 of an endpoint type)
	maxAPIParts    = 5_000 // of one API, in one document
	gatewaysAtOnce = 8
)

// gateway is what a sweep keeps of an API.
type gateway struct {
	id, name string
	calls    []gatewayCall
	failed   bool // a part of it could not be read: a gap says which
	broken   []brokenPart
}

// brokenPart is a list of an API that ended at a later page.
type brokenPart struct {
	w   want
	err error
}

// gatewayCall is a URI that may be Lambda's.
type gatewayCall struct {
	Where string // "POST /orders", "integration ab12cd3", "authorizer tokens"
	Uri   string // as written
	Stage string // whose variables make it call the function; "" without variables

	calls string // what is called: Uri, with the stage's variables in it
	open  bool   // no stage has all of its variables
}

// gatewayBook counts what a sweep holds in memory: an attacker can make many.
type gatewayBook struct{ held atomic.Int64 }

// add keeps a URI if it may be Lambda's.
func (b *gatewayBook) add(g *gateway, where string, uri *string) error {
	if uri == nil || !strings.Contains(*uri, ":function:") && !strings.Contains(*uri, "/functions/") && !strings.Contains(*uri, stageVariable) {
		return nil
	}
	if b.held.Add(1) > maxSwept {
		return errSwept
	}
	g.calls = append(g.calls, gatewayCall{Where: where, Uri: *uri, calls: *uri})
	return nil
}

const stageVariable = "${stageVariables."

var inURI = regexp.MustCompile(`\$\{stageVariables\.([^}]*)\}`)

func (g *gateway) hasVariables() bool {
	return slices.ContainsFunc(g.calls, func(c gatewayCall) bool { return strings.Contains(c.Uri, stageVariable) })
}

// sorted puts calls in an order of their own: the same API, the same document.
func (g *gateway) sorted() {
	slices.SortFunc(g.calls, func(a, b gatewayCall) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Uri, b.Uri), cmp.Compare(a.Stage, b.Stage))
	})
}

// gatewayStage is a stage's variables, an override of a canary among them as a stage of its own.
type gatewayStage struct {
	name      string
	variables map[string]string
}

// resolve puts the stages' variables in: one call for each stage that has all of them.
func (g *gateway) resolve(stages []gatewayStage) {
	var all []gatewayCall
	for _, c := range g.calls {
		if !strings.Contains(c.Uri, stageVariable) {
			all = append(all, c)
			continue
		}
		open := true
		for _, s := range stages {
			whole := true
			called := inURI.ReplaceAllStringFunc(c.Uri, func(ref string) string {
				v, ok := s.variables[inURI.FindStringSubmatch(ref)[1]]
				whole = whole && ok
				return v
			})
			if whole {
				open = false
				all = append(all, gatewayCall{Where: c.Where, Uri: c.Uri, Stage: s.name, calls: called})
			}
		}
		if open {
			c.open = true
			all = append(all, c)
		}
	}
	g.calls = all
}

// functionOf is the function that a URI of API Gateway names: an ARN, whole or partial, or a
// name. HTTP APIs take the function's ARN as it is.
func functionOf(uri string) string {
	if _, rest, ok := strings.Cut(uri, "/functions/"); ok {
		uri, _, _ = strings.Cut(rest, "/")
	}
	if plain, err := url.PathUnescape(uri); err == nil {
		uri = plain
	}
	return uri
}

// calledBy says whether a URI names the target, any version or alias.
func (t Target) calledBy(uri string) bool {
	name := functionOf(uri)
	if strings.HasPrefix(name, "arn:") {
		return t.calls(name)
	}
	if name == uri {
		return false // the address of something else
	}
	region := arnPart(uri, 3)
	named, err := ParseTarget(t.Account, region, name)
	return err == nil && region == t.Region && named.ARN == t.ARN
}

// mayBeCalledBy says whether what stands before the first variable could lead to the target.
func (t Target) mayBeCalledBy(uri string) bool {
	head, _, _ := strings.Cut(uri, stageVariable)
	if _, name, ok := strings.Cut(head, "/functions/"); ok {
		return strings.HasPrefix(t.ARN, name) || strings.HasPrefix(t.Function, name)
	}
	if !strings.HasPrefix(head, "arn:") {
		return head == ""
	}
	service := arnPart(head, 4) // "arn:aws:apigateway:eu-central-1:lambda:path/..."
	return strings.HasPrefix(t.ARN, head) || arnPart(head, 2) == "" || arnPart(head, 2) == "apigateway" && service == "lambda"
}

// gatewayARN is the ARN of an API, or of a part of it, as IAM knows them: without an account.
func (j *Job) gatewayARN(kind, id string) string {
	return fmt.Sprintf("arn:%s:apigateway:%s::/%s/%s", partitionOf(j.Target.Region), j.Target.Region, kind, id)
}

// gatewayCallers is the document of the APIs that call a function.
type gatewayCallers struct{ APIs []gatewayCaller }

type gatewayCaller struct {
	ID, Name string
	Calls    []gatewayCall
}

// gatewaysOf stores which APIs of a sweep call the target, or may by its policies, and
// returns their ids.
func (j *Job) gatewaysOf(ctx context.Context, w want, parts string, list func() sweep, none string) []string {
	granted := j.gatewaysGranted(ctx, w)
	if ctx.Err() != nil {
		return nil // close records it
	}
	if had, ok := recall[gatewayCallers](ctx, j, w); ok {
		var ids []string
		if had != nil {
			for _, a := range had.APIs {
				ids = append(ids, a.ID)
			}
		}
		return ids
	}
	s, whole := list(), true
	var mine []any
	var ids []string
	for _, f := range s.found {
		g := f.(*gateway)
		whole = whole && !g.failed
		found := gatewayCaller{ID: g.id, Name: g.name}
		for _, c := range g.calls {
			switch {
			case j.Target.calledBy(c.calls):
				found.Calls = append(found.Calls, c)
			case c.open && j.Target.mayBeCalledBy(c.calls):
				j.gap(j.want(w.artefact+".unresolved", g.id, w.call), s.at, evidence.NotCovered, "", "what it calls hangs on a stage variable that no stage has: "+clip(c.Where+": "+c.Uri))
			}
		}
		if len(found.Calls) == 0 && slices.Contains(granted, g.id) {
			found.Calls = []gatewayCall{{Where: "a policy of the function admits it; its working copy does not call it, a deployed one may"}}
		}
		if len(found.Calls) == 0 {
			j.leave(g)
			continue
		}
		if len(g.broken) > 0 && s.err == nil { // it is known, and perhaps not all of what it calls
			s.err = &ofCall{g.broken[0].err, g.broken[0].w.call}
		}
		mine, ids = append(mine, map[string]any{"ID": found.ID, "Name": found.Name, "Calls": found.Calls}), append(ids, g.id)
	}
	if !whole && s.err == nil {
		j.skip(w, "not every API could be read: "+parts+" say which")
	} else {
		j.swept(ctx, w, s, "APIs", mine, none)
	}
	return ids
}

// gatewaysGranted are the ids of the APIs of this account and region that policies admit.
// Those of others are told once, with the REST APIs: an id does not say of which kind it is.
func (j *Job) gatewaysGranted(ctx context.Context, w want) (ids []string) {
	grants := j.facts.grants.get(ctx)
	sources, open := grants.of(gatewayService)
	tell := w.artefact == "apigateway.apis" && ctx.Err() == nil
	rest := j.want(w.artefact, "*", w.call)
	switch {
	case !tell:
	case !grants.known:
		j.skip(rest, "APIs of other accounts and regions unknown: lambda.policy, lambda.policy.resource, lambda.aliases or lambda.configuration.versions is not whole")
	case open:
		j.gap(rest, stamp{}, evidence.NotCovered, "", "a grant to "+gatewayService+" names no API: one of another account or region may call, and cannot be looked up")
	}
	for _, arn := range sources {
		id, _, _ := strings.Cut(arnPart(arn, 5), "/")
		switch {
		case arnPart(arn, 3) == j.Target.Region && arnPart(arn, 4) == j.Target.Account:
			ids = append(ids, id)
		case tell:
			j.gap(j.want(w.artefact, arn, w.call), stamp{}, evidence.NotCovered, "", "a policy admits an API of another account or region: look there for what calls")
		}
	}
	return ids
}

// unread records that a part of an API could not be read while all were looked through; no
// error is none. An API that went away meanwhile calls nobody.
func (j *Job) unread(g *gateway, w want, err error) {
	if state, _ := classify(err); err == nil || state == evidence.Absent {
		j.mended(w)
		return
	}
	g.failed = true
	if _, later := errors.AsType[*pageError](err); later {
		g.broken = append(g.broken, brokenPart{w, err}) // of one that calls a target it is read again, and kept as far as it comes
		return
	}
	j.refused(w, stamp{id: requestIDOf(err)}, err)
}

// leave records what could not be read to its end of an API that does not call the target, as
// far as it was read.
func (j *Job) leave(g *gateway) {
	for _, p := range g.broken {
		if j.fresh(p.w) {
			j.refused(p.w, stamp{id: requestIDOf(p.err)}, p.err)
		}
	}
}

// fresh says whether a want is not yet settled by the sweep that read it in vain.
func (j *Job) fresh(w want) bool {
	j.planned.Store(true)
	return j.run.book.plan(w)
}
