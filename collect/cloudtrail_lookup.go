package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const lookupCall = "CloudTrail:LookupEvents"

// lookup reads CloudTrail's event history, one attribute a query. The sweep by
// event source is what finds denied calls: they name no resource.
func lookup() Collector {
	return Collector{
		Name: "cloudtrail.lookup", About: "management events about the function, its role and the role's sessions",
		Needs:   []awsapi.Need{need(lookupCall, "cloudtrail:LookupEvents", "*")},
		Collect: collectLookup,
	}
}

// query is one LookupEvents with one attribute.
type query struct {
	region string
	key    types.LookupAttributeKey
	value  string
	arn    string              // what the query is about: Source.ARN
	seen   func([]types.Event) // is shown what comes; may be nil
}

func collectLookup(ctx context.Context, j *Job) {
	if j.followKeys(ctx); j.run.o.KeysOnly {
		j.planned.Store(true) // if only by another target of this run
		return
	}
	j.plan(j.queryWant(j.about(j.Target.Region, types.LookupAttributeKeyResourceName, j.Target.Function)))
	j.lookupElsewhere()
	role := j.roleOf(ctx)
	found := newKeysOfRoles()
	var sweep *promise[keysOfRoles]
	both(
		func() { sweep = j.sweep(ctx) },
		func() {
			by := &changers{}
			j.lookups(ctx, j.firstQueries(role, by), found)
			j.changerLookups(ctx, role, by)
		})
	found.add(sweep.get(ctx))
	j.keyLookups(ctx, role, found)
}

func (j *Job) about(region string, key types.LookupAttributeKey, value string) query {
	return query{region: region, key: key, value: value, arn: j.Target.ARN}
}

// globalRegion is where IAM and STS's global endpoint record.
func globalRegion(region string) string {
	switch partitionOf(region) {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// lookupRegions are those in which calls of the role's sessions are looked for: the
// function's, where global services record, and those that were asked for.
func (j *Job) lookupRegions() []string {
	all, further := []string{j.Target.Region}, []string{globalRegion(j.Target.Region)}
	for _, r := range j.run.o.Regions {
		if r == "all" {
			further = append(further, startRegions(partitionOf(j.Target.Region))...)
		} else {
			further = append(further, r)
		}
	}
	for _, r := range further {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// lookupElsewhere says which regions "all" leaves out: there is no call that any principal
// may make to learn which regions an account switched on.
func (j *Job) lookupElsewhere() {
	if slices.Contains(j.run.o.Regions, "all") && j.run.claim("regions that are not looked at") {
		w := j.of("cloudtrail.lookup", "", "Region=*", "", lookupCall)
		j.gap(w, stamp{}, evidence.NotCovered, "", "regions that the account switched on by itself are not looked at: --also-region names them")
	}
}

// startRegions are the regions that every account of a partition has from the start; others
// are switched on by the account. Source: AWS Account Management guide, "Enable or disable
// AWS Regions in your account".
func startRegions(partition string) []string {
	switch partition {
	case "aws-cn":
		return []string{"cn-north-1", "cn-northwest-1"}
	case "aws-us-gov":
		return []string{"us-gov-east-1", "us-gov-west-1"}
	}
	return []string{
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
		"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
	}
}

// firstQueries asks for the function by name and ARN, for the sessions that carry
// its name, and for the role: by its name where IAM records, and by its ARN wherever
// somebody may have assumed it, for STS records in the region that was asked.
func (j *Job) firstQueries(role string, by *changers) []query {
	t, global := j.Target, globalRegion(j.Target.Region)
	qs := []query{
		j.about(t.Region, types.LookupAttributeKeyResourceName, t.Function),
		j.about(t.Region, types.LookupAttributeKeyResourceName, t.ARN),
	}
	for i := range qs {
		qs[i].seen = by.changed
	}
	for _, region := range j.lookupRegions() {
		qs = append(qs, j.about(region, types.LookupAttributeKeyUsername, t.Function))
	}
	if role != "" && j.run.claim("lookups of "+role) {
		qs = append(qs, query{region: global, key: types.LookupAttributeKeyResourceName, value: roleName(role), arn: role})
		for _, region := range j.lookupRegions() {
			if j.run.claim("lookup of " + region + " " + role) {
				qs = append(qs, query{region: region, key: types.LookupAttributeKeyResourceName, value: role, arn: role})
			}
		}
	}
	return qs
}

// sweep reads all of Lambda's events, once a region and account for all targets.
func (j *Job) sweep(ctx context.Context) *promise[keysOfRoles] {
	r := j.run
	r.mu.Lock()
	p, ours := r.sweeps[j.Target.Region], false
	if p == nil {
		p, ours = newPromise[keysOfRoles](), true
		r.sweeps[j.Target.Region] = p
	}
	r.mu.Unlock()
	if ours {
		found := newKeysOfRoles()
		if r.o.Swept != nil {
			if err := readSwept(ctx, r.o.Swept, j.Target.Region, found); err != nil {
				r.book.fail(err)
			}
		} else {
			j.lookups(ctx, []query{sweepQuery(j.Target.Region)}, found)
		}
		p.keep(*found)
	}
	return p
}

// keyLookups follows the access keys of the role's sessions, wherever they were used.
func (j *Job) keyLookups(ctx context.Context, role string, found *keysOfRoles) {
	if role == "" {
		if ctx.Err() == nil {
			j.skip(j.want("cloudtrail.lookup", "AccessKeyId=*", lookupCall), "role unknown: lambda.configuration $LATEST could not be had")
		}
		return
	}
	followed := map[string]bool{}
	for ctx.Err() == nil {
		keys := slices.DeleteFunc(found.of(role, j.Target.Function), func(k string) bool { return followed[k] })
		if len(keys) == 0 {
			return
		}
		most := j.run.o.MaxKeys - len(followed)
		cut := len(keys) > most
		if cut {
			w := j.of("cloudtrail.lookup", role, "AccessKeyId=*", j.Target.Region, lookupCall)
			j.gap(w, stamp{}, evidence.Truncated, "", fmt.Sprintf("%d access keys of the role's sessions were seen, the first %d are followed", len(followed)+len(keys), j.run.o.MaxKeys))
			keys = keys[:most]
		}
		// What these keys were used to get are keys to follow in turn, of whichever role.
		next := newKeysOfRoles()
		next.follows = role
		j.lookups(ctx, j.keyQueries(role, keys), next)
		found.add(*next)
		for _, k := range keys {
			followed[k] = true
		}
		if cut {
			return
		}
	}
}

// keyQueries are for the keys that no other function of the run, which has the same role, asks for.
func (j *Job) keyQueries(role string, keys []string) []query {
	var qs []query
	for _, k := range keys {
		if !j.run.claim("key " + k) {
			continue
		}
		for _, region := range j.lookupRegions() {
			qs = append(qs, query{region: region, key: types.LookupAttributeKeyAccessKeyId, value: k, arn: role})
		}
	}
	return qs
}

func (j *Job) lookups(ctx context.Context, qs []query, found *keysOfRoles) {
	for _, q := range qs {
		j.plan(j.queryWant(q))
	}
	each(qs, callsAtOnce, func(q query) { j.lookup(ctx, q, found) })
}

func (j *Job) queryWant(q query) want {
	w := j.of("cloudtrail.lookup", q.arn, string(q.key)+"="+q.value, q.region, lookupCall)
	w.params = map[string]string{
		"AttributeKey": string(q.key), "AttributeValue": q.value,
		"StartTime": j.run.since.Format(time.RFC3339), "EndTime": j.run.until.Format(time.RFC3339),
	}
	w.name = strings.Join([]string{"cloudtrail", q.region, string(q.key), q.value, "ndjson"}, ".")
	to := j.run.until
	if settled := j.now().Add(-15 * time.Minute); settled.Before(to) {
		to = settled
	}
	w.note = "complete to " + to.Format(time.RFC3339) + ": events arrive up to about 15 minutes late"
	return w
}

// lookup stores the pages of one query as they come.
func (j *Job) lookup(ctx context.Context, q query, found *keysOfRoles) {
	w := j.queryWant(q)
	read := func(events []types.Event) {
		found.read(events)
		if q.seen != nil {
			q.seen(events)
		}
	}
	if j.recallEvents(ctx, w, read) {
		return
	}
	c := cloudtrail.NewFromConfig(j.config(q.region))
	in := &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: q.key, AttributeValue: aws.String(q.value)}},
		StartTime:        aws.Time(j.run.since), EndTime: aws.Time(j.run.until), MaxResults: aws.Int32(50),
	}
	first, s, err := ask(ctx, j, c.LookupEvents, in)
	if err != nil {
		j.refused(w, s, err)
		return
	}
	p := pager[cloudtrail.LookupEventsInput, cloudtrail.LookupEventsOutput, cloudtrail.Options]{
		call: c.LookupEvents, in: in,
		next: func(in *cloudtrail.LookupEventsInput, out *cloudtrail.LookupEventsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	err = j.put(ctx, w, s, func(out io.Writer) error {
		cut := p.each(ctx, j, first, func(o *cloudtrail.LookupEventsOutput) error {
			read(o.Events)
			return j.writePage(out, o)
		})
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(w, s, err)
	}
}

func (j *Job) writePage(out io.Writer, o *cloudtrail.LookupEventsOutput) error {
	events := o.Events
	if events == nil {
		events = []types.Event{}
	}
	doc, err := j.run.enc.document(struct{ Events []types.Event }{events})
	if err != nil {
		return err
	}
	_, err = out.Write(doc)
	return err
}

// keysOfRoles are access keys seen in sessions of roles: role ARN -> key -> the
// session names it was used under.
type keysOfRoles struct {
	mu   *sync.Mutex
	seen map[string]map[string]string
	// follows is a role to which every key counts that was given out, if only to a session
	// that goes back to it.
	follows string
}

// maxKeysSeen bounds what hostile or huge histories can make us remember.
const maxKeysSeen = 10_000

func newKeysOfRoles() *keysOfRoles {
	return &keysOfRoles{mu: new(sync.Mutex), seen: map[string]map[string]string{}}
}

var accessKey = regexp.MustCompile(`^[A-Z0-9]{16,128}$`)

// record is the little of a CloudTrail record that names sessions.
type record struct {
	UserIdentity struct {
		Type, AccessKeyID string
		SessionContext    struct{ SessionIssuer struct{ ARN string } }
	}
	RequestParameters *struct{ RoleArn string }
	ResponseElements  *struct{ Credentials *struct{ AccessKeyID string } }
}

// read takes the keys out of a page. What does not parse is kept in the page and
// left to the timeline.
func (k *keysOfRoles) read(events []types.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		var r record
		_ = json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r) // partial answers count too
		if r.UserIdentity.Type == "AssumedRole" {
			k.put(r.UserIdentity.SessionContext.SessionIssuer.ARN, r.UserIdentity.AccessKeyID, aws.ToString(e.Username))
		}
		if r.ResponseElements == nil || r.ResponseElements.Credentials == nil {
			continue
		}
		if r.RequestParameters != nil {
			k.put(r.RequestParameters.RoleArn, r.ResponseElements.Credentials.AccessKeyID, "")
		}
		// A session of the role went on as another: what that one did is the role's doing too.
		k.put(r.UserIdentity.SessionContext.SessionIssuer.ARN, r.ResponseElements.Credentials.AccessKeyID, "")
		k.put(k.follows, r.ResponseElements.Credentials.AccessKeyID, "")
	}
}

func (k *keysOfRoles) put(role, key, session string) {
	if role == "" || !accessKey.MatchString(key) || len(k.seen) >= maxKeysSeen && k.seen[role] == nil {
		return
	}
	if k.seen[role] == nil {
		k.seen[role] = map[string]string{}
	}
	if _, had := k.seen[role][key]; (!had && len(k.seen[role]) < maxKeysSeen) || (had && session != "") {
		k.seen[role][key] = session
	}
}

func (k *keysOfRoles) add(other keysOfRoles) {
	if other.mu == nil {
		return
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	for role, keys := range other.seen {
		for key, session := range keys {
			k.put(role, key, session)
		}
	}
}

// of are the role's keys: those of sessions with another name than the function's
// first, for the lookup by user name has not found their events.
func (k *keysOfRoles) of(role, function string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var keys []string
	for key := range k.seen[role] {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(a, b int) bool {
		x, y := k.seen[role][keys[a]] == function, k.seen[role][keys[b]] == function
		return x != y && !x || x == y && keys[a] < keys[b]
	})
	return keys
}
