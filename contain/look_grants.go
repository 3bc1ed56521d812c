package contain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// admitted are the sources that the policies of a function let in: of buckets and log
// groups there is no look-up from the function, so that its grants are where they are named.
type admitted struct {
	done   chan struct{} // closed when they are read; nil before anybody asked
	grants []iampolicy.Statement
	err    error
}

// admittedNeeds are the calls that reading the policies takes.
func admittedNeeds() []awsapi.Need {
	return []awsapi.Need{
		on("Lambda:GetResourcePolicy", "function, alias or version ARN", false),
		when(on("Lambda:GetPolicy", "function, alias or version ARN", false), "GetResourcePolicy is refused or unknown"),
	}
}

// sourcesOf are the ARNs from which a service may call the function, and whether a grant
// names none, or a pattern: then anything of that service may be a trigger.
func (v *Survey) sourcesOf(ctx context.Context, cfg aws.Config, service string) (arns []string, open bool, err error) {
	all, open, err := v.sources(ctx, cfg, service)
	for _, arn := range all {
		if strings.ContainsAny(strings.TrimSuffix(arn, ":*"), "*?") {
			open = true
		} else {
			arns = append(arns, arn)
		}
	}
	return arns, open, err
}

// sources are the same with their patterns, and whether a grant names none at all.
func (v *Survey) sources(ctx context.Context, cfg aws.Config, service string) (arns []string, open bool, err error) {
	v.mu.Lock()
	done, ours := v.admitted.done, v.admitted.done == nil
	if ours {
		done = make(chan struct{})
		v.admitted.done = done
	}
	v.mu.Unlock()
	if ours {
		v.admitted.grants, v.admitted.err = v.readGrants(ctx, cfg)
		close(done)
	}
	<-done // a lock would stop the clock of tests
	for _, g := range v.admitted.grants {
		if g.Effect != "Allow" || g.Principal == nil || !slices.Contains(g.Principal.Service, service) {
			continue
		}
		named := false
		for _, c := range g.Condition {
			if !strings.EqualFold(c.Key, "aws:SourceArn") {
				continue
			}
			for _, arn := range c.Values {
				if named = true; !slices.Contains(arns, arn) {
					arns = append(arns, arn)
				}
			}
		}
		open = open || !named
	}
	return arns, open, v.admitted.err
}

func (v *Survey) readGrants(ctx context.Context, cfg aws.Config) ([]iampolicy.Statement, error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	var mu sync.Mutex
	var all []iampolicy.Statement
	var failed []error
	for _, q := range v.qualifiers() {
		g.Go(func() error {
			s, _, err := readPolicy(gctx, cfg, Place{v.Target, q})
			var p iampolicy.Document
			if err == nil {
				p, err = parsePolicy(s.Policy)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("policy of %s: %w", orLatest(q), err))
			}
			all = append(all, p.Statements...)
			return gctx.Err()
		})
	}
	err := g.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	return all, errors.Join(err, errors.Join(failed...), v.lacks([]string{partAliases, partVersions}))
}
