package contain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// aim is a target as it was named, before anything was read of it.
type aim struct {
	kind     TargetKind
	name     string // of functions, name or ARN; ARN
	given    bool   // not only by a finding
	findings []finding.Finding
}

// aims are the targets of a plan, each once.
func aims(in PlanInput, found []aim) ([]aim, error) {
	var all []aim
	for _, f := range in.Functions {
		all = append(all, aim{kind: OnFunction, name: unqualified(f), given: true})
	}
	for _, a := range in.Actors {
		kind, arn := principalOf(a)
		if kind == "" {
			return nil, fmt.Errorf("%w: actor %q is the ARN neither of a role, a role's session nor a user", ErrBadPlan, a)
		}
		all = append(all, aim{kind: kind, name: arn, given: true})
	}
	for _, r := range in.Resources {
		if len(strings.SplitN(r, ":", 6)) != 6 || !strings.HasPrefix(r, "arn:") {
			return nil, fmt.Errorf("%w: resource %q is no ARN", ErrBadPlan, r)
		}
		all = append(all, aimAt(r))
	}
	for i := range all {
		if account := accountOf(all[i].name); account != "" && account != in.Session.Identity.Account {
			return nil, &OtherAccountError{What: "account", Planned: account, Session: in.Session.Identity.Account}
		}
		all[i].given = true
	}
	if all = append(all, found...); len(all) == 0 && len(in.Findings) == 0 {
		return nil, fmt.Errorf("%w: no function, actor, resource or finding to act on", ErrBadPlan)
	}
	return all, nil
}

// principalOf is the role or user of an ARN. Of a session's ARN the role's path is not
// known: it is read.
func principalOf(arn string) (TargetKind, string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", ""
	}
	switch what, rest, _ := strings.Cut(parts[5], "/"); {
	case parts[2] == "sts" && what == "assumed-role" && rest != "":
		role, _, _ := strings.Cut(rest, "/")
		return OnRole, strings.Join([]string{"arn", parts[1], "iam", "", parts[4], "role/" + role}, ":")
	case parts[2] == "iam" && what == "role" && rest != "":
		return OnRole, arn
	case parts[2] == "iam" && what == "user" && rest != "":
		return OnUser, arn
	}
	return "", ""
}

// aimAt is the target that an ARN names, whatever it is.
func aimAt(arn string) aim {
	if kind, principal := principalOf(arn); kind != "" {
		return aim{kind: kind, name: principal}
	}
	if strings.Contains(arn, ":lambda:") && strings.Contains(arn, ":function:") {
		return aim{kind: OnFunction, name: unqualified(arn)}
	}
	return aim{kind: OnResource, name: arn}
}

// surveys reads all targets. Two names of one target are one.
func surveys(ctx context.Context, s *awsapi.Session, all []aim, in PlanInput, parts []Part) ([]*Survey, []error, error) {
	read, failed := make([]*Survey, len(all)), make([]error, len(all))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for i, a := range all {
		g.Go(func() error {
			v, err := a.survey(gctx, s, in, parts)
			if err != nil && a.given {
				return err
			}
			read[i], failed[i] = v, err
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var once []*Survey
	for _, v := range read {
		if v == nil {
			continue
		}
		i := slices.IndexFunc(once, func(o *Survey) bool { return o.ARN == v.ARN })
		if i < 0 {
			once = append(once, v)
			continue
		}
		once[i].given, once[i].names = once[i].given || v.given, append(once[i].names, v.names...)
		once[i].Findings = append(once[i].Findings, v.Findings...)
	}
	return once, failed, ctx.Err()
}

// survey reads one target. A role or user that cannot be read is acted on by its ARN all the same.
func (a aim) survey(ctx context.Context, s *awsapi.Session, in PlanInput, parts []Part) (*Survey, error) {
	v := &Survey{in: in, Missing: map[string]error{}, rotatable: map[string]rotated{}, names: []string{a.name}, given: a.given, Findings: a.findings}
	if a.kind == OnFunction {
		if err := v.function(ctx, s, a.name); err != nil {
			return nil, err
		}
		v.look(ctx, s, parts)
		return v, ctx.Err()
	}
	v.Target = Target{Kind: a.kind, Account: accountOf(a.name), Region: regionOf(a.name), ARN: a.name, Partition: partitionOf(a.name)}
	if v.Account == "" { // of a bucket
		v.Account = s.Identity.Account
	}
	switch a.kind {
	case OnRole:
		v.Role = a.name
		v.note(partRole, v.role(ctx, s, roleName(a.name)))
	case OnUser:
		v.note(partUser, v.user(ctx, s, roleName(a.name)))
	}
	v.look(ctx, s, parts)
	return v, ctx.Err()
}

// called is what people call a target.
func (t Target) called() string {
	if t.Function != "" {
		return t.Function
	}
	return roleName(t.ARN)
}

func partitionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 {
		return parts[1]
	}
	return "aws"
}
