package awssim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

const (
	lookupPage = 50                  // events of one answer, at most
	lookupPast = 90 * 24 * time.Hour // how far the event history reaches back
)

// lookupEvents is the event history: management events, newest first, one attribute a
// call. It is there whether or not a trail is.
func lookupEvents(c *call, in *cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
	if err := c.allow("cloudtrail:LookupEvents", "*"); err != nil {
		return nil, err
	}
	if len(in.LookupAttributes) > 1 {
		return nil, fail("InvalidLookupAttributesException", "You can specify only one lookup attribute in a request.")
	}
	if in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > lookupPage) {
		return nil, fail("InvalidMaxResultsException", "A max results value of %d is invalid. Specify max results between 1 and %d.", *in.MaxResults, lookupPage)
	}
	from, to := c.now.Add(-lookupPast), c.now
	if in.StartTime != nil && in.StartTime.After(from) {
		from = *in.StartTime
	}
	if in.EndTime != nil {
		to = *in.EndTime
	}
	if in.StartTime != nil && in.EndTime != nil && in.EndTime.Before(*in.StartTime) {
		return nil, fail("InvalidTimeRangeException", "Start time must be before end time.")
	}
	var all []*trailRecord
	if in.EventCategory != ct.EventCategoryInsight { // insights are not simulated: there are none
		for _, r := range c.visibleRecords(c.accountID, c.region, c.now) {
			if !r.eventTime.Before(from) && !r.eventTime.After(to) && matchesAll(r, in.LookupAttributes) {
				all = append(all, r)
			}
		}
	}
	start, err := c.lookupOffset(in, len(all))
	if err != nil {
		return nil, err
	}
	size := lookupPage
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	out := &cloudtrail.LookupEventsOutput{Events: []ct.Event{}}
	end := min(start+size, len(all))
	for _, r := range all[start:end] {
		out.Events = append(out.Events, r.event())
	}
	if end < len(all) {
		out.NextToken = aws.String(c.lookupToken(in, all[end-1].id, end))
	}
	return out, nil
}

// lookupToken binds a page to the parameters of its request.
func (c *call) lookupToken(in *cloudtrail.LookupEventsInput, last string, offset int) string {
	d := c.digest("lookup token", c.accountID, c.region, lookupParameters(in), strconv.Itoa(offset))
	return hexOf(d[:]) + "-" + strconv.Itoa(offset) + "-" + last
}

func lookupParameters(in *cloudtrail.LookupEventsInput) string {
	var b strings.Builder
	for _, a := range in.LookupAttributes {
		fmt.Fprintf(&b, "%s=%q;", a.AttributeKey, aws.ToString(a.AttributeValue))
	}
	fmt.Fprintf(&b, "%v;%v;%s", aws.ToTime(in.StartTime).Unix(), aws.ToTime(in.EndTime).Unix(), in.EventCategory)
	return b.String()
}

func (c *call) lookupOffset(in *cloudtrail.LookupEventsInput, n int) (int, error) {
	if in.NextToken == nil {
		return 0, nil
	}
	bad := fail("InvalidNextTokenException", "The next token is invalid, or was given out for other parameters.")
	part := strings.SplitN(*in.NextToken, "-", 3)
	if len(part) != 3 {
		return 0, bad
	}
	offset, err := strconv.Atoi(part[1])
	if err != nil || c.lookupToken(in, part[2], offset) != *in.NextToken || offset > n {
		return 0, bad
	}
	return offset, nil
}

func matchesAll(r *trailRecord, attributes []ct.LookupAttribute) bool {
	for _, a := range attributes {
		if !r.matches(a.AttributeKey, aws.ToString(a.AttributeValue)) {
			return false
		}
	}
	return true
}

func (r *trailRecord) matches(key ct.LookupAttributeKey, value string) bool {
	switch key {
	case ct.LookupAttributeKeyEventId:
		return r.id == value
	case ct.LookupAttributeKeyEventName:
		return r.name == value
	case ct.LookupAttributeKeyEventSource:
		return r.source == value
	case ct.LookupAttributeKeyUsername:
		return r.username == value
	case ct.LookupAttributeKeyAccessKeyId:
		return r.accessKey == value
	case ct.LookupAttributeKeyReadOnly:
		return strconv.FormatBool(r.readOnly) == value
	case ct.LookupAttributeKeyResourceType:
		for _, res := range r.resources {
			if res.kind == value {
				return true
			}
		}
	case ct.LookupAttributeKeyResourceName:
		for _, res := range r.resources {
			if res.arn == value || lastColon(res.arn) == value || lastPart(res.arn) == value {
				return true
			}
		}
	}
	return false
}

// event is a record as LookupEvents shows it.
func (r *trailRecord) event() ct.Event {
	e := ct.Event{
		EventId: aws.String(r.id), EventName: aws.String(r.name), EventSource: aws.String(r.source), EventTime: aws.Time(r.eventTime),
		ReadOnly: aws.String(strconv.FormatBool(r.readOnly)), CloudTrailEvent: aws.String(string(r.raw)), Resources: []ct.Resource{},
	}
	if r.username != "" {
		e.Username = aws.String(r.username)
	}
	if r.accessKey != "" {
		e.AccessKeyId = aws.String(r.accessKey)
	}
	for _, res := range r.resources {
		e.Resources = append(e.Resources, ct.Resource{ResourceName: aws.String(res.arn), ResourceType: aws.String(res.kind)})
	}
	return e
}
