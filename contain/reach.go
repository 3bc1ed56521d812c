package contain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// callers lists the roads to the function and which qualifier each reaches.
func callers(s *Survey) []Caller {
	var all []Caller
	for _, a := range s.Aliases {
		detail := "version " + aws.ToString(a.FunctionVersion)
		if a.RoutingConfig != nil {
			for _, v := range sortedKeys(a.RoutingConfig.AdditionalVersionWeights) {
				detail += fmt.Sprintf(", %g of the calls to version %s", a.RoutingConfig.AdditionalVersionWeights[v], v)
			}
		}
		all = append(all, Caller{Kind: "alias", Name: aws.ToString(a.Name), Qualifier: aws.ToString(a.Name), Detail: detail})
	}
	for _, u := range s.URLs {
		q := qualifierOf(aws.ToString(u.FunctionArn))
		all = append(all, Caller{Kind: "url", Name: aws.ToString(u.FunctionUrl), Qualifier: q, Detail: "AuthType " + string(u.AuthType), Doc: docURL, Key: q})
	}
	for _, m := range s.Mappings {
		all = append(all, Caller{Kind: "mapping", Name: aws.ToString(m.UUID), Qualifier: qualifierOf(aws.ToString(m.FunctionArn)), Detail: aws.ToString(m.EventSourceArn),
			Doc: docMapping, Key: aws.ToString(m.UUID)})
	}
	for _, p := range looks(func(Act) bool { return false }) { // those that find callers
		if slices.Contains(p.On, s.Kind) {
			all = append(all, p.callers(s)...)
		}
	}
	return all
}

// reaches are the versions that a qualifier stands for.
func (v *Survey) reaches(qualifier string) []string {
	if qualifier == "" || qualifier == "$LATEST" {
		return []string{"$LATEST"}
	}
	for _, a := range v.Aliases {
		if aws.ToString(a.Name) != qualifier {
			continue
		}
		all := []string{aws.ToString(a.FunctionVersion)}
		if a.RoutingConfig != nil {
			for _, w := range sortedKeys(a.RoutingConfig.AdditionalVersionWeights) {
				if a.RoutingConfig.AdditionalVersionWeights[w] > 0 {
					all = append(all, w)
				}
			}
		}
		return all
	}
	return []string{qualifier}
}

// reaches are the versions that a qualifier stands for once the plan is applied.
func (d *draft) reaches(s *Survey, qualifier string) []string {
	for _, m := range d.plan.Moves {
		var to alias
		if m.Doc == docAlias && m.Resource == qualified(s.Target, qualifier) && json.Unmarshal(m.After, &to) == nil && !to.Gone {
			return append([]string{to.Version}, sortedKeys(to.Weights)...)
		}
	}
	return s.reaches(qualifier)
}

// reach lists every road to the functions of the plan, and what of it the plan closes.
func (d *draft) reach() {
	for _, s := range d.known {
		if s.Kind != OnFunction {
			continue
		}
		for _, c := range append(callers(s), granted(s, d.states)...) {
			c.Function, c.Reaches = s.ARN, d.reaches(s, c.Qualifier)
			if c.Kind != "alias" && c.Closed == "" { // a rule may be off already
				c.Closed = d.closing(s, c)
			}
			d.plan.Callers = append(d.plan.Callers, c)
			if c.Closed == "" && c.Kind != "alias" {
				d.stillBad(c)
			}
		}
	}
}

// stillBad warns of a road that leads to code that is known to be bad.
func (d *draft) stillBad(c Caller) {
	for _, v := range c.Reaches {
		if slices.Contains(d.in.Bad, v) {
			road := fmt.Sprintf("%s %s (%s) still reaches version %s, whose code is bad", c.Kind, c.Name, c.Detail, v)
			d.plan.Warnings = append(d.plan.Warnings, road)
			d.plan.Open = append(d.plan.Open, road)
		}
	}
}

// closing is the act that closes a road: one on the very document that holds it, or
// concurrency 0, which answers whoever calls.
func (d *draft) closing(s *Survey, c Caller) string {
	closed := ""
	for _, m := range d.plan.Moves {
		for _, e := range m.Edits {
			if e.On != s.ARN {
				continue
			}
			if c.Doc != "" && m.Doc == c.Doc && m.Key == c.Key && (c.stays == nil || !c.stays(m.After)) {
				return e.Act
			}
			if e.Act == actConcurrency || e.Act == actPolicyDeny && c.Kind == "url" && m.Key == c.Qualifier {
				closed = e.Act
			}
		}
	}
	return closed
}

// granted are the callers that resource policies let in, where those were read.
func granted(v *Survey, states map[string]json.RawMessage) []Caller {
	var all []Caller
	eachGrant(v, states, func(q string, g iampolicy.Statement) {
		if g.Effect != "Allow" {
			return
		}
		all = append(all, Caller{Kind: "grant", Name: first(g.Sid, "(no Sid)"), Qualifier: q, Detail: principals(g), Doc: docPolicy, Key: q,
			stays: func(after json.RawMessage) bool {
				var s resourcePolicy
				if json.Unmarshal(after, &s) != nil {
					return true
				}
				p, err := parsePolicy(s.Policy)
				return err != nil || !denied(p) && slices.ContainsFunc(p.Statements, func(o iampolicy.Statement) bool { return sameAs(o) == sameAs(g) })
			}})
	})
	return all
}

// warn tells what the acts do not see to.
func (d *draft) warn() {
	p := d.plan
	for _, s := range d.known {
		of := ""
		if len(d.known) > 1 {
			of = " of " + s.called()
		}
		for _, part := range sortedKeys(s.Missing) {
			p.Warnings = append(p.Warnings, s.Missing[part].Error()+of+": consequences there are not in this plan")
		}
		touched := false
		for _, a := range All() {
			if !d.touches(a, s) {
				continue
			}
			touched = true
			switch a.Name {
			case actConcurrency:
				for _, dest := range d.stillForeign(s) {
					p.Warnings = append(p.Warnings, "asynchronous events will go to "+dest+", in another account: repoint or clear it before concurrency 0")
				}
			case actGrants:
				p.Warnings = append(p.Warnings, serviceGrants(s, d.states, d.in.ServiceGrants)...)
			}
		}
		if s.given && !touched {
			p.Warnings = append(p.Warnings, fmt.Sprintf("nothing is planned on %s: see --level, or name an act that hangs on a %s", s.ARN, s.Kind))
		}
	}
}

// stillForeign are the foreign destinations that the plan does not clear.
func (d *draft) stillForeign(s *Survey) []string {
	var all []string
	for _, dest := range foreign(s) {
		cleared := false
		for _, m := range d.plan.Moves {
			for _, e := range m.Edits {
				cleared = cleared || e.On == s.ARN && (e.Act == actDestinations || e.Act == actDeadLetters) && len(m.Calls) > 0 && strings.Contains(string(m.Before), `"`+dest+`"`)
			}
		}
		if !cleared {
			all = append(all, dest)
		}
	}
	return all
}

// foreign are failure destinations and dead-letter queues of other accounts.
func foreign(s *Survey) []string {
	var all []string
	add := func(dest string) {
		parts := strings.Split(dest, ":")
		if len(parts) >= 6 && parts[4] != "" && parts[4] != s.Account {
			all = append(all, dest)
		}
	}
	add(s.DLQ)
	for _, c := range s.Invokes {
		add(onFailure(c.DestinationConfig))
	}
	for _, m := range s.Mappings {
		add(onFailure(m.DestinationConfig))
	}
	return all
}
