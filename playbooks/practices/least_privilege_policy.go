package practices

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// eachReach fails the statements of qualifiers' policies that reach that far.
func (f *Facts) eachReach(reach iampolicy.Reach, what, good string) []Finding {
	return f.eachPolicy(func(s Statement) *Finding {
		e := s.Expose(f.Account)
		if e.Reach != reach {
			return nil
		}
		who := e.Accounts
		if len(who) == 0 {
			who = principalsOf(s.Statement)
		}
		x := f.removePermission(fail(s.Target, s.At, "statement %s "+what+": %s", s.name(), join(who)), s)
		return &x
	}, good)
}

func policyPublic(f *Facts) []Finding {
	return f.eachReach(iampolicy.Public, "admits everybody", "it does not admit everybody")
}

func policyForeign(f *Facts) []Finding {
	return f.eachReach(iampolicy.CrossAccount, "admits another account", "it admits no other account")
}

func policyAnySource(f *Facts) []Finding {
	return f.eachReach(iampolicy.ServiceWithoutSource, "admits a service on anybody's behalf", "services are bound to a source")
}

// callActions are those by which a function is called.
func callActions() []string {
	return []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:InvokeAsync"}
}

func policyMoreThanInvoke(f *Facts) []Finding {
	return f.eachPolicy(func(s Statement) *Finding {
		if s.Effect != "Allow" {
			return nil
		}
		more := append(slices.Clone(s.Action), s.NotAction...)
		if len(s.NotAction) == 0 {
			more = slices.DeleteFunc(more, func(a string) bool {
				return slices.ContainsFunc(callActions(), func(c string) bool { return strings.EqualFold(a, c) })
			})
		}
		if len(more) == 0 {
			return nil
		}
		x := f.removePermission(fail(s.Target, s.At, "statement %s allows %s to %s", s.name(), join(more), join(principalsOf(s.Statement))), s)
		return &x
	}, "it allows to call it, and nothing else")
}

// layerUses are the layer versions of all versions of the function, each once.
func (f *Facts) layerUses() (layers []string, by map[string][]string, gaps []Finding) {
	deployments, gaps := f.deployments()
	by = map[string][]string{}
	for _, d := range deployments {
		for _, l := range d.Config.Layers {
			if by[l.Arn] == nil {
				layers = append(layers, l.Arn)
			}
			by[l.Arn] = append(by[l.Arn], d.Qualifier)
		}
	}
	return layers, by, gaps
}

func layerPolicy(f *Facts) []Finding {
	layers, _, out := f.layerUses()
	for _, arn := range layers {
		if !f.mine(arn) {
			continue // whose owner decides
		}
		d := doc[policyDoc](f, "lambda.layers.policy", arn, "")
		switch {
		case d.None:
			out = append(out, pass(arn, d.Origin, "it has no policy"))
			continue
		case !d.Has:
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
			continue
		}
		p, err := iampolicy.Parse(d.V.Policy)
		if err != nil {
			out = append(out, unknown(arn, malformed(d.Origin)))
			continue
		}
		out = append(out, f.layerShared(arn, p, d.Origin))
	}
	return out
}

func (f *Facts) layerShared(arn string, p iampolicy.Document, at Origin) Finding {
	for _, s := range p.Statements {
		if s.Expose(f.Account).Reach == iampolicy.Public {
			version := nameOf(arn)
			return fail(arn, at, "statement %s shares it with everybody", s.Sid).fix(
				run(shell("aws lambda remove-layer-version-permission --region %s --layer-name %s --version-number %s --statement-id %s", part(arn, 3), strings.TrimSuffix(arn, ":"+version), version, s.Sid)).
					note("functions of others that have the layer run on, and cannot be given it again").String(),
				hcl("# remove the aws_lambda_layer_version_permission with layer_name = %s and principal \"*\"", strings.TrimSuffix(arn, ":"+version)))
		}
	}
	return pass(arn, at, "it is not shared with everybody")
}
