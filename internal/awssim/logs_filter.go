package awssim

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A page of FilterLogEvents holds up to 10,000 events or 1 MB of them (API reference). How
// AWS counts bytes there is not said; here it is as PutLogEvents counts them: the message
// and 26 bytes.
const (
	filterPage      = 10_000
	filterPageBytes = 1 << 20
	eventOverhead   = 26
)

func filterLogEvents(c *call, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	_, g, err := c.group("FilterLogEvents", named(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	switch {
	case g.class != cw.LogGroupClassStandard:
		// That it is refused is documented ("Log classes"), with which code is not.
		return nil, fail("InvalidParameterException", "FilterLogEvents is not supported for log groups of class %s.", g.class)
	case len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil:
		return nil, fail("InvalidParameterException", "Only one of logStreamNames and logStreamNamePrefix can be specified.")
	case len(in.LogStreamNames) > 100:
		return nil, fail("InvalidParameterException", "1 validation error detected: Value at 'logStreamNames' failed to satisfy constraint: Member must have length less than or equal to 100")
	}
	for _, name := range in.LogStreamNames {
		if _, err := g.stream(&name); err != nil {
			return nil, err
		}
	}
	terms, err := filterTerms(aws.ToString(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	after, err := openEventMark(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: []cw.FilteredLogEvent{}, SearchedLogStreams: []cw.SearchedLogStream{}}
	m := c.mergeStreams(g, in, after)
	most, bytes := filterPage, 0
	if in.Limit != nil {
		most = min(most, int(*in.Limit))
	}
	for e, stream := m.peek(); e != nil; e, stream = m.peek() {
		if hasTerms(e.message, terms) {
			if size := len(e.message) + eventOverhead; len(out.Events) == most || len(out.Events) > 0 && bytes+size > filterPageBytes {
				out.NextToken = aws.String(after.token())
				break
			} else {
				bytes += size
			}
			out.Events = append(out.Events, cw.FilteredLogEvent{EventId: aws.String(c.eventID(g.name, stream, *e)), Timestamp: aws.Int64(e.at.UnixMilli()),
				IngestionTime: aws.Int64(e.ingested.UnixMilli()), LogStreamName: aws.String(stream), Message: aws.String(e.message)})
		}
		after = eventMark{e.at, stream, e.n}
		m.pop()
	}
	return out, nil
}

// eventMark is an event's place in the order in which FilterLogEvents gives them: by time,
// then by stream, then as they came.
type eventMark struct {
	at     time.Time
	stream string
	n      int64
}

func (m eventMark) token() string {
	return sealMarker(fmt.Sprintf("%d %d %s", m.at.UnixNano(), m.n, m.stream))
}

func openEventMark(token *string) (m eventMark, err error) {
	if aws.ToString(token) == "" {
		return m, nil
	}
	body, err := unsealMarker(*token)
	if err != nil {
		return m, err
	}
	parts := strings.SplitN(body, " ", 3)
	if len(parts) != 3 {
		return m, errBadMarker
	}
	nanos, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return m, errBadMarker
	}
	m.n, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return m, errBadMarker
	}
	m.at, m.stream = time.Unix(0, nanos).UTC(), parts[2]
	return m, nil
}

// covers says whether an event comes before the mark, or is the one it stands at.
func (m eventMark) covers(stream string, e logEvent) bool {
	return cmp.Or(e.at.Compare(m.at), strings.Compare(stream, m.stream), cmp.Compare(e.n, m.n)) <= 0
}

// eventMerge goes through the events of several streams in order.
type eventMerge struct {
	names []string
	left  [][]logEvent
	least int // which stream has the next event; -1 is none
}

// mergeStreams stands before the first wanted event behind the mark.
func (c *call) mergeStreams(g *logGroup, in *cloudwatchlogs.FilterLogEventsInput, after eventMark) *eventMerge {
	m := &eventMerge{}
	wanted := in.LogStreamNames
	if len(wanted) == 0 {
		wanted = sortedNames(g.streams)
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		if !strings.HasPrefix(name, aws.ToString(in.LogStreamNamePrefix)) {
			continue
		}
		all := g.kept(g.streams[name], c.now)
		from := sort.Search(len(all), func(i int) bool {
			return !after.covers(name, all[i]) && (in.StartTime == nil || all[i].at.UnixMilli() >= *in.StartTime)
		})
		to := len(all)
		if in.EndTime != nil {
			to = sort.Search(len(all), func(i int) bool { return all[i].at.UnixMilli() > *in.EndTime })
		}
		if from < to {
			m.names, m.left = append(m.names, name), append(m.left, all[from:to])
		}
	}
	m.find()
	return m
}

func (m *eventMerge) find() {
	m.least = -1
	for i, l := range m.left {
		if len(l) > 0 && (m.least < 0 || l[0].at.Before(m.left[m.least][0].at)) {
			m.least = i
		}
	}
}

func (m *eventMerge) peek() (*logEvent, string) {
	if m.least < 0 {
		return nil, ""
	}
	return &m.left[m.least][0], m.names[m.least]
}

func (m *eventMerge) pop() {
	m.left[m.least] = m.left[m.least][1:]
	m.find()
}

// eventID is 56 digits, as Logs makes them.
func (c *call) eventID(group, stream string, e logEvent) string {
	d := c.digest("log event", c.accountID, c.region, group, stream, strconv.FormatInt(e.n, 10))
	return fmt.Sprintf("%038d%018d", e.at.UnixMilli(), uint64(d[0])<<40|uint64(d[1])<<32|uint64(d[2])<<24|uint64(d[3])<<16|uint64(d[4])<<8|uint64(d[5]))
}

// filterTerms reads patterns of plain terms and quoted phrases, all of which must occur;
// the JSON and space-delimited forms are not simulated.
func filterTerms(pattern string) ([]string, error) {
	pattern = strings.TrimSpace(pattern)
	if strings.ContainsAny(pattern, "{}[]?-") {
		return nil, fail("InvalidParameterException", "freezeframe simulator: the filter pattern %q is not simulated, only terms and quoted phrases are", pattern)
	}
	var terms []string
	for i, part := range strings.Split(pattern, `"`) {
		if i%2 == 1 {
			terms = append(terms, part)
			continue
		}
		terms = append(terms, strings.Fields(part)...)
	}
	return terms, nil
}

func hasTerms(message string, terms []string) bool {
	for _, t := range terms {
		if !strings.Contains(message, t) {
			return false
		}
	}
	return true
}

// LogLine is one event that StageLogEvents writes.
type LogLine struct {
	At      time.Time
	Message string
}

// StageLogEvents lets a stream hold events as if they had been written at their times;
// group and stream are made on the way.
func (c *Cloud) StageLogEvents(account, region, group, stream string, lines ...LogLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.logs.at(account, region, newLogsState)
	for _, l := range lines {
		s.append(group, stream, l.At.UTC(), l.Message)
	}
}
