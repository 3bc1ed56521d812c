package contain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// ReplacedError is ErrStale: what stands under a target's name is gone, or another thing than
// was planned for. A plan's documents may read the same on both.
type ReplacedError struct{ Target, Planned, Now string }

func (e *ReplacedError) Error() string {
	if e.Now == "" {
		return strings.TrimPrefix(e.Target, roleOfFunction) + " is gone since it was planned for"
	}
	return fmt.Sprintf("%s is not what was planned for: planned %s, now %s", e.Target, e.Planned, e.Now)
}

// Is makes errors.Is(err, ErrStale) hold.
func (e *ReplacedError) Is(target error) bool { return target == ErrStale }

// replaced looks whether the targets that changes are planned on are still those: roles and
// users by their id, which AWS never gives twice, functions by their role, since they have no
// id. What cannot be read is left to the documents, which are read anyway.
func (r *runner) replaced(ctx context.Context, p *Plan) error {
	touched := map[string]bool{}
	for _, m := range p.Moves {
		for _, e := range m.Edits {
			touched[e.On] = touched[e.On] || len(m.Calls) > 0
		}
	}
	var mu sync.Mutex
	var found []error
	var all sync.WaitGroup
	for _, t := range p.Targets {
		if !touched[t.ARN] {
			continue
		}
		for what, ask := range r.identities(t) {
			all.Go(func() {
				planned, now, err := ask(ctx)
				gone := isCode(err, "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException")
				if planned == "" || err != nil && !gone || err == nil && (now == planned || now == "") {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				found = append(found, &ReplacedError{what, planned, now})
			})
		}
	}
	all.Wait()
	return errors.Join(found...)
}

const roleOfFunction = "the execution role of "

type identity func(ctx context.Context) (planned, now string, err error)

func (r *runner) identities(t Target) map[string]identity {
	all := map[string]identity{}
	iams := func() *iam.Client { return iamClient(r.session.ConfigRecorded("", surveyNeeds(), r.called)) }
	if t.Kind == OnFunction {
		all[roleOfFunction+t.ARN] = func(ctx context.Context) (string, string, error) {
			out, err := lambda.NewFromConfig(r.session.ConfigRecorded(t.Region, surveyNeeds(), r.called)).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(t.ARN)})
			if err != nil {
				return t.Role, "", err
			}
			return t.Role, aws.ToString(out.Role), nil
		}
	}
	switch {
	case t.ID == "":
	case t.Kind == OnUser:
		all[t.ARN] = func(ctx context.Context) (string, string, error) {
			out, err := iams().GetUser(ctx, &iam.GetUserInput{UserName: aws.String(roleName(t.ARN))})
			if err != nil || out.User == nil {
				return t.ID, "", err
			}
			return t.ID, aws.ToString(out.User.UserId), nil
		}
	default:
		all["role "+t.Role] = func(ctx context.Context) (string, string, error) {
			out, err := iams().GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(t.Role))})
			if err != nil || out.Role == nil {
				return t.ID, "", err
			}
			return t.ID, aws.ToString(out.Role.RoleId), nil
		}
	}
	return all
}
