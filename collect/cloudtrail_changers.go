package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Whoever changed the function in a session of a role had to ask for that session, and the record
// of that names neither the function nor its role. So the roles of those who changed it are
// looked up too, and the roles of those who assumed these: how somebody came in is the first
// question of an incident, and its answer is gone after 90 days.

const (
	maxChangers = 8 // roles that are looked up for one function
	maxHops     = 4 // from a role to one that assumed it
)

// changers are the roles in whose sessions something was done that is asked about.
type changers struct {
	mu    sync.Mutex
	roles []string
}

// maxRemembered bounds the roles that a history can make us remember.
const maxRemembered = 1000

// take remembers the role that a record was made in, if want says so.
func (c *changers) take(e types.Event, want func(record) bool) {
	var r record
	_ = json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r) // what does not parse is left to the timeline
	role := r.UserIdentity.SessionContext.SessionIssuer.ARN
	if r.UserIdentity.Type != "AssumedRole" || role == "" || !want(r) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.roles) < maxRemembered && !slices.Contains(c.roles, role) {
		c.roles = append(c.roles, role)
	}
}

// changed reads pages of events about the function.
func (c *changers) changed(events []types.Event) {
	for _, e := range events {
		if aws.ToString(e.ReadOnly) != "true" && aws.ToString(e.EventSource) == "lambda.amazonaws.com" {
			c.take(e, func(record) bool { return true })
		}
	}
}

// assumed reads pages of events about a role.
func (c *changers) assumed(role string) func([]types.Event) {
	return func(events []types.Event) {
		for _, e := range events {
			if strings.HasPrefix(aws.ToString(e.EventName), "AssumeRole") {
				c.take(e, func(r record) bool { return r.RequestParameters != nil && r.RequestParameters.RoleArn == role })
			}
		}
	}
}

// changerLookups looks up the roles of c, and those of whoever assumed them. The function's own
// role is looked up anyway.
func (j *Job) changerLookups(ctx context.Context, own string, c *changers) {
	done := map[string]bool{own: true}
	for hop := 0; hop < maxHops && ctx.Err() == nil; hop++ {
		next := &changers{}
		for _, role := range slices.Sorted(slices.Values(c.roles)) {
			if done[role] || !j.inAccount(role) {
				continue
			}
			if len(done) > maxChangers {
				j.beyondChangers(role)
				return
			}
			done[role] = true
			j.roleLookups(ctx, role, next.assumed(role))
		}
		c = next
	}
}

// beyondChangers says whose way in is not looked up.
func (j *Job) beyondChangers(role string) {
	w := j.of("cloudtrail.lookup", j.Target.ARN, "ResourceName=*", j.Target.Region, lookupCall)
	j.gap(w, stamp{}, evidence.Truncated, "", fmt.Sprintf("the function was changed in sessions of more roles than %d: who assumed %s and further ones is not looked up", maxChangers, role))
}

// inAccount says whether a role is one of the function's account, whose history has its AssumeRole.
func (j *Job) inAccount(role string) bool {
	p := strings.SplitN(role, ":", 6)
	return len(p) == 6 && p[4] == j.Target.Account
}

// roleLookups asks for a role wherever somebody may have assumed it.
func (j *Job) roleLookups(ctx context.Context, role string, seen func([]types.Event)) {
	var qs []query
	for _, region := range j.lookupRegions() {
		q := query{region: region, key: types.LookupAttributeKeyResourceName, value: role, arn: role, seen: seen}
		if j.run.claim("lookup of " + region + " " + role) {
			qs = append(qs, q)
		}
	}
	j.lookups(ctx, qs, newKeysOfRoles())
}
