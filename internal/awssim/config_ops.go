package awssim

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	nt "github.com/aws/aws-sdk-go-v2/service/configservice/types"
)

// configOps is every simulated operation of AWS Config: the recorder that the customer
// manages, and what it recorded. Rules and delivery channels are not simulated: a channel
// is taken to be there when a recorder is started.
func configOps() []operation {
	return []operation{
		op("config", "PutConfigurationRecorder", putConfigurationRecorder), op("config", "StartConfigurationRecorder", startConfigurationRecorder),
		op("config", "StopConfigurationRecorder", stopConfigurationRecorder), op("config", "DescribeConfigurationRecorders", describeConfigurationRecorders),
		op("config", "DescribeConfigurationRecorderStatus", describeConfigurationRecorderStatus),
		op("config", "GetResourceConfigHistory", getResourceConfigHistory), op("config", "ListDiscoveredResources", listDiscoveredResources),
	}
}

func (c *call) recorded() *configState { return c.config.at(c.accountID, c.region, newConfigState) }

func noRecorder(name string) error {
	return fail("NoSuchConfigurationRecorderException", "Cannot find configuration recorder with the specified name '%s'.", name)
}

func putConfigurationRecorder(c *call, in *configservice.PutConfigurationRecorderInput) (*configservice.PutConfigurationRecorderOutput, error) {
	if err := c.allow("config:PutConfigurationRecorder", "*"); err != nil {
		return nil, err
	}
	s, r := c.recorded(), *in.ConfigurationRecorder
	switch {
	case r.Name == nil:
		r.Name = aws.String("default") // the API reference, ConfigurationRecorder
	case s.recorder != nil && *s.recorder.Name != *r.Name:
		return nil, fail("MaxNumberOfConfigurationRecordersExceededException", "Failed to put configuration recorder '%s' because the maximum number of configuration recorders: 1 is reached.", *r.Name)
	case aws.ToString(r.RoleARN) == "":
		return nil, fail("InvalidRoleException", "freezeframe simulator: a recorder without a role is refused")
	}
	if r.RecordingGroup == nil {
		r.RecordingGroup = &nt.RecordingGroup{AllSupported: true}
	}
	s.recorder = &r
	return nil, nil
}

// recorder asks for permission and finds the recorder by name.
func (c *call) recorder(action string, name *string) (*configState, error) {
	if err := c.allow("config:"+action, "*"); err != nil {
		return nil, err
	}
	s := c.recorded()
	if s.recorder == nil || aws.ToString(s.recorder.Name) != aws.ToString(name) {
		return nil, noRecorder(aws.ToString(name))
	}
	return s, nil
}

func startConfigurationRecorder(c *call, in *configservice.StartConfigurationRecorderInput) (*configservice.StartConfigurationRecorderOutput, error) {
	s, err := c.recorder("StartConfigurationRecorder", in.ConfigurationRecorderName)
	if err != nil {
		return nil, err
	}
	s.recording, s.started = true, c.now
	return nil, nil
}

func stopConfigurationRecorder(c *call, in *configservice.StopConfigurationRecorderInput) (*configservice.StopConfigurationRecorderOutput, error) {
	s, err := c.recorder("StopConfigurationRecorder", in.ConfigurationRecorderName)
	if err != nil {
		return nil, err
	}
	s.recording, s.stopped = false, c.now
	return nil, nil
}

// chosen says whether the customer's recorder is meant by a describe call.
func (c *call) chosen(names []string, arn, principal *string) (bool, error) {
	if arn != nil || principal != nil {
		return false, fail("ValidationException", "freezeframe simulator: recorders of services are not simulated")
	}
	r := c.recorded().recorder
	for _, n := range names {
		if r == nil || *r.Name != n {
			return false, noRecorder(n)
		}
	}
	return r != nil, nil
}

func describeConfigurationRecorders(c *call, in *configservice.DescribeConfigurationRecordersInput) (*configservice.DescribeConfigurationRecordersOutput, error) {
	if err := c.allow("config:DescribeConfigurationRecorders", "*"); err != nil {
		return nil, err
	}
	out := &configservice.DescribeConfigurationRecordersOutput{ConfigurationRecorders: []nt.ConfigurationRecorder{}}
	there, err := c.chosen(in.ConfigurationRecorderNames, in.Arn, in.ServicePrincipal)
	if there {
		out.ConfigurationRecorders = append(out.ConfigurationRecorders, *c.recorded().recorder)
	}
	return out, err
}

func describeConfigurationRecorderStatus(c *call, in *configservice.DescribeConfigurationRecorderStatusInput) (*configservice.DescribeConfigurationRecorderStatusOutput, error) {
	if err := c.allow("config:DescribeConfigurationRecorderStatus", "*"); err != nil {
		return nil, err
	}
	out := &configservice.DescribeConfigurationRecorderStatusOutput{ConfigurationRecordersStatus: []nt.ConfigurationRecorderStatus{}}
	there, err := c.chosen(in.ConfigurationRecorderNames, in.Arn, in.ServicePrincipal)
	if there {
		s := c.recorded()
		status := nt.ConfigurationRecorderStatus{Name: s.recorder.Name, Recording: s.recording}
		if !s.started.IsZero() {
			status.LastStartTime, status.LastStatus = aws.Time(s.started), nt.RecorderStatusSuccess
		}
		if !s.stopped.IsZero() {
			status.LastStopTime = aws.Time(s.stopped)
		}
		out.ConfigurationRecordersStatus = append(out.ConfigurationRecordersStatus, status)
	}
	return out, err
}

// historySpan is what one answer covers at most: the API reference, GetResourceConfigHistory.
const historySpan = 7 * 24 * time.Hour

// getResourceConfigHistory answers a longer range span by span: a page may be empty and
// still have a token. Items count by the time of their capture.
func getResourceConfigHistory(c *call, in *configservice.GetResourceConfigHistoryInput) (*configservice.GetResourceConfigHistoryOutput, error) {
	if err := c.allow("config:GetResourceConfigHistory", "*"); err != nil {
		return nil, err
	}
	s := c.recorded()
	if s.recorder == nil {
		return nil, fail("NoAvailableConfigurationRecorderException", "Configuration recorder is not available.")
	}
	items := s.items[configKey{string(in.ResourceType), aws.ToString(in.ResourceId)}]
	if len(items) == 0 {
		return nil, fail("ResourceNotDiscoveredException", "Resource %s of resourceType:%s is unknown or has not been discovered.", aws.ToString(in.ResourceId), in.ResourceType)
	}
	from, to := *items[0].ConfigurationItemCaptureTime, c.now
	if in.EarlierTime != nil {
		from = *in.EarlierTime
	}
	if in.LaterTime != nil {
		to = *in.LaterTime
	}
	if to.Before(from) {
		return nil, fail("InvalidTimeRangeException", "The earlier time is not chronologically before the later time.")
	}
	limit := int(in.Limit)
	if limit == 0 {
		limit = 10
	}
	pages := historyPages(items, from, to, limit, in.ChronologicalOrder == nt.ChronologicalOrderForward)
	page, next, err := paginate(pages, in.NextToken, nil, 1)
	out := &configservice.GetResourceConfigHistoryOutput{ConfigurationItems: []nt.ConfigurationItem{}, NextToken: next}
	if len(page) > 0 {
		out.ConfigurationItems = append(out.ConfigurationItems, page[0]...)
	}
	return out, err
}

// historyPages are the answers of a range, each with the items of one span.
func historyPages(items []nt.ConfigurationItem, from, to time.Time, limit int, forward bool) [][]nt.ConfigurationItem {
	var pages [][]nt.ConfigurationItem
	for end := to; ; end = end.Add(-historySpan) {
		begin := end.Add(-historySpan)
		var span []nt.ConfigurationItem
		for _, it := range slices.Backward(items) {
			if t := *it.ConfigurationItemCaptureTime; !t.Before(from) && t.After(begin) && !t.After(end) {
				span = append(span, it)
			}
		}
		pages = append(pages, slices.Collect(slices.Chunk(span, limit))...)
		if len(span) == 0 {
			pages = append(pages, nil)
		}
		if !begin.After(from) {
			break
		}
	}
	if forward {
		slices.Reverse(pages)
		for _, p := range pages {
			slices.Reverse(p)
		}
	}
	return pages
}

func listDiscoveredResources(c *call, in *configservice.ListDiscoveredResourcesInput) (*configservice.ListDiscoveredResourcesOutput, error) {
	if err := c.allow("config:ListDiscoveredResources", "*"); err != nil {
		return nil, err
	}
	s := c.recorded()
	switch {
	case s.recorder == nil:
		return nil, fail("NoAvailableConfigurationRecorderException", "Configuration recorder is not available.")
	case in.ResourceName != nil && len(in.ResourceIds) > 0:
		return nil, fail("ValidationException", "You can specify either resource IDs or a resource name, but not both, in the same request.")
	}
	all := []nt.ResourceIdentifier{}
	for _, k := range s.keys() {
		last := s.items[k][len(s.items[k])-1]
		gone := last.ConfigurationItemStatus == nt.ConfigurationItemStatusResourceDeleted
		if k.kind != string(in.ResourceType) || gone && !in.IncludeDeletedResources || in.ResourceName != nil && *in.ResourceName != aws.ToString(last.ResourceName) ||
			len(in.ResourceIds) > 0 && !slices.Contains(in.ResourceIds, k.id) {
			continue
		}
		r := nt.ResourceIdentifier{ResourceId: last.ResourceId, ResourceName: last.ResourceName, ResourceType: last.ResourceType}
		if gone {
			r.ResourceDeletionTime = last.ConfigurationItemCaptureTime
		}
		all = append(all, r)
	}
	page, next, err := paginate(all, in.NextToken, &in.Limit, 100)
	return &configservice.ListDiscoveredResourcesOutput{ResourceIdentifiers: page, NextToken: next}, err
}
