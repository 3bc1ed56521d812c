package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logsState is CloudWatch Logs in one account and region.
type logsState struct {
	groups  map[string]*logGroup
	queries map[string]*insightsQuery // no state of the account: reading leaves it as it was
}

func newLogsState() *logsState { return &logsState{groups: map[string]*logGroup{}} }

type logGroup struct {
	name          string
	created       time.Time
	class         cw.LogGroupClass
	retention     *int32 // days; nil never expires
	kms           string
	protected     bool
	tags          map[string]string
	streams       map[string]*logStream
	subscriptions map[string]cw.SubscriptionFilter
}

type logStream struct {
	name    string
	created time.Time
	events  []logEvent // by time, then by arrival
	next    int64      // arrival number of the next event
}

type logEvent struct {
	at, ingested time.Time
	message      string
	n            int64
}

func newLogGroup(name string, at time.Time) *logGroup {
	return &logGroup{name: name, created: at, class: cw.LogGroupClassStandard, tags: map[string]string{}, streams: map[string]*logStream{}, subscriptions: map[string]cw.SubscriptionFilter{}}
}

// append writes lines as an AWS service does: group and stream are made on the way.
func (s *logsState) append(group, stream string, at time.Time, lines ...string) {
	g := s.groups[group]
	if g == nil {
		g = newLogGroup(group, at)
		s.groups[group] = g
	}
	st := g.streams[stream]
	if st == nil {
		st = &logStream{name: stream, created: at}
		g.streams[stream] = st
	}
	for _, l := range lines {
		st.add(at, at, l)
	}
}

func (st *logStream) add(at, ingested time.Time, message string) {
	e := logEvent{at, ingested, message, st.next}
	st.next++
	i, _ := slices.BinarySearchFunc(st.events, e, func(a, b logEvent) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return int(a.n - b.n)
	})
	st.events = slices.Insert(st.events, i, e)
}

// kept are the events that retention has left. Class DELIVERY keeps them for a day,
// whatever the retention (API reference, CreateLogGroup).
func (g *logGroup) kept(st *logStream, now time.Time) []logEvent {
	days := g.retention
	if g.class == cw.LogGroupClassDelivery {
		days = aws.Int32(1)
	}
	if days == nil {
		return st.events
	}
	edge := now.Add(-time.Duration(*days) * 24 * time.Hour)
	i := 0
	for i < len(st.events) && st.events[i].at.Before(edge) {
		i++
	}
	return st.events[i:]
}

func groupARN(account, region, name string) string {
	return arnOf("logs", region, account, "log-group:"+name)
}

// group finds a log group, by name or ARN, that the caller may act on.
func (c *call) group(action string, name *string) (*logsState, *logGroup, error) {
	n := groupName(aws.ToString(name))
	if err := c.allow("logs:"+action, groupARN(c.accountID, c.region, n)+":*"); err != nil {
		return nil, nil, err
	}
	s := c.logs.at(c.accountID, c.region, newLogsState)
	if g := s.groups[n]; g != nil {
		return s, g, nil
	}
	return nil, nil, fail("ResourceNotFoundException", "The specified log group does not exist.")
}

// groupName reads a name out of an identifier, which may be an ARN.
func groupName(id string) string {
	if a, ok := parseARN(id); ok {
		return strings.TrimSuffix(strings.TrimPrefix(a.resource, "log-group:"), ":*")
	}
	return id
}

// named is whichever of name and identifier was given.
func named(name, identifier *string) *string {
	if name != nil {
		return name
	}
	return identifier
}

func (g *logGroup) stream(name *string) (*logStream, error) {
	if st := g.streams[aws.ToString(name)]; st != nil {
		return st, nil
	}
	return nil, fail("ResourceNotFoundException", "The specified log stream does not exist.")
}

func (s *logsState) objects(account, region string, put putObject) {
	for name, g := range s.groups {
		subs := map[string]any{}
		for n, f := range g.subscriptions {
			f.CreationTime = nil
			subs[n] = f
		}
		at := "logs/" + account + "/" + region + "/" + name
		put(at, map[string]any{"class": g.class, "retention": g.retention, "kms": g.kms, "protected": g.protected, "tags": g.tags, "subscriptions": subs}, g.created.UTC())
		for sn, st := range g.streams {
			// Events come in whoever does what: they are no state that an undo restores.
			// A colon, because a group's name may hold slashes and no colon.
			put(at+":"+sn, true, len(st.events))
		}
	}
}
