package awssim

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// cloudtrailOps is every simulated operation of CloudTrail. Log files are not delivered yet.
func cloudtrailOps() []operation {
	return []operation{
		op("cloudtrail", "LookupEvents", lookupEvents),
		op("cloudtrail", "CreateTrail", createTrail), op("cloudtrail", "UpdateTrail", updateTrail), op("cloudtrail", "DeleteTrail", deleteTrail),
		op("cloudtrail", "DescribeTrails", describeTrails), op("cloudtrail", "GetTrail", getTrail), op("cloudtrail", "ListTrails", listTrails), op("cloudtrail", "GetTrailStatus", getTrailStatus),
		op("cloudtrail", "StartLogging", startLogging), op("cloudtrail", "StopLogging", stopLogging),
		op("cloudtrail", "PutEventSelectors", putEventSelectors), op("cloudtrail", "GetEventSelectors", getEventSelectors),
		op("cloudtrail", "ListPublicKeys", listPublicKeys), op("cloudtrail", "ListTags", listTrailTags),
	}
}

func (c *call) trailsHere() *trailsState { return c.trails.at(c.accountID, c.region, newTrailsState) }

// trailNamed finds a trail by name or ARN.
func (c *call) trailNamed(action string, name *string) (*trail, error) {
	n := trailName(aws.ToString(name))
	arn := c.arn("cloudtrail", "trail/"+n)
	if err := c.allow("cloudtrail:"+action, arn); err != nil {
		return nil, err
	}
	c.trailResources(arn)
	if t := c.trailsHere().trails[n]; t != nil {
		return t, nil
	}
	return nil, fail("TrailNotFoundException", "Unknown trail: %s for the user: %s", arn, c.accountID)
}

func (c *call) trailResources(arn string) {
	c.trail.resources = []trailResource{{arn, "AWS::CloudTrail::Trail"}}
}

func trailName(s string) string {
	if a, ok := parseARN(s); ok {
		return strings.TrimPrefix(a.resource, "trail/")
	}
	return s
}

func createTrail(c *call, in *cloudtrail.CreateTrailInput) (*cloudtrail.CreateTrailOutput, error) {
	name := aws.ToString(in.Name)
	arn := c.arn("cloudtrail", "trail/"+name)
	if err := c.allow("cloudtrail:CreateTrail", arn); err != nil {
		return nil, err
	}
	c.trailResources(arn)
	s := c.trailsHere()
	if s.trails[name] != nil {
		return nil, fail("TrailAlreadyExistsException", "Trail %s already exists for customer: %s", name, c.accountID)
	}
	t := &trail{config: *like[ct.Trail](in), tags: map[string]string{}}
	t.config.TrailARN, t.config.HomeRegion = aws.String(arn), aws.String(c.region)
	t.config.HasCustomEventSelectors, t.config.HasInsightSelectors = aws.Bool(false), aws.Bool(false)
	t.config.IncludeGlobalServiceEvents = aws.Bool(in.IncludeGlobalServiceEvents == nil || *in.IncludeGlobalServiceEvents)
	t.config.IsMultiRegionTrail, t.config.IsOrganizationTrail = aws.Bool(aws.ToBool(in.IsMultiRegionTrail)), aws.Bool(aws.ToBool(in.IsOrganizationTrail))
	t.config.LogFileValidationEnabled = aws.Bool(aws.ToBool(in.EnableLogFileValidation))
	t.selectors = []ct.EventSelector{{ReadWriteType: ct.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true), DataResources: []ct.DataResource{}, ExcludeManagementEventSources: []string{}}}
	for _, tag := range in.TagsList {
		t.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	s.trails[name] = t
	return like[cloudtrail.CreateTrailOutput](t.config), nil
}

func updateTrail(c *call, in *cloudtrail.UpdateTrailInput) (*cloudtrail.UpdateTrailOutput, error) {
	t, err := c.trailNamed("UpdateTrail", in.Name)
	if err != nil {
		return nil, err
	}
	name := t.config.Name
	overlay(&t.config, in)
	t.config.Name = name
	if in.EnableLogFileValidation != nil {
		t.config.LogFileValidationEnabled = in.EnableLogFileValidation
	}
	return like[cloudtrail.UpdateTrailOutput](t.config), nil
}

func deleteTrail(c *call, in *cloudtrail.DeleteTrailInput) (*cloudtrail.DeleteTrailOutput, error) {
	t, err := c.trailNamed("DeleteTrail", in.Name)
	if err != nil {
		return nil, err
	}
	delete(c.trailsHere().trails, *t.config.Name)
	return &cloudtrail.DeleteTrailOutput{}, nil
}

func describeTrails(c *call, in *cloudtrail.DescribeTrailsInput) (*cloudtrail.DescribeTrailsOutput, error) {
	if err := c.allow("cloudtrail:DescribeTrails", "*"); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, n := range in.TrailNameList {
		wanted[trailName(n)] = true
	}
	out := &cloudtrail.DescribeTrailsOutput{TrailList: []ct.Trail{}}
	here := c.trailsHere()
	all := []*trailsState{here}
	if in.IncludeShadowTrails == nil || *in.IncludeShadowTrails {
		all = append(all, c.trailsElsewhere()...)
	}
	for _, s := range all {
		for _, n := range sortedNames(s.trails) {
			shadow := s != here
			if t := s.trails[n]; (len(wanted) == 0 || wanted[n]) && (!shadow || aws.ToBool(t.config.IsMultiRegionTrail)) {
				out.TrailList = append(out.TrailList, t.config)
			}
		}
	}
	return out, nil
}

// trailsElsewhere are the account's trails in other home regions: those of all regions have
// a shadow in each (CloudTrail API reference, DescribeTrails).
func (c *call) trailsElsewhere() []*trailsState {
	var homes []string
	for k := range c.trails.m {
		if k.account == c.accountID && k.region != c.region {
			homes = append(homes, k.region)
		}
	}
	slices.Sort(homes)
	var out []*trailsState
	for _, region := range homes {
		out = append(out, c.trails.m[scope{c.accountID, region}])
	}
	return out
}

func getTrail(c *call, in *cloudtrail.GetTrailInput) (*cloudtrail.GetTrailOutput, error) {
	t, err := c.trailNamed("GetTrail", in.Name)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetTrailOutput{Trail: &t.config}, nil
}

func listTrails(c *call, in *cloudtrail.ListTrailsInput) (*cloudtrail.ListTrailsOutput, error) {
	if err := c.allow("cloudtrail:ListTrails", "*"); err != nil {
		return nil, err
	}
	all := []ct.TrailInfo{}
	s := c.trailsHere()
	for _, n := range sortedNames(s.trails) {
		t := s.trails[n]
		all = append(all, ct.TrailInfo{Name: t.config.Name, TrailARN: t.config.TrailARN, HomeRegion: t.config.HomeRegion})
	}
	page, next, err := paginate(all, in.NextToken, nil, 100)
	return &cloudtrail.ListTrailsOutput{Trails: orEmpty(page), NextToken: next}, err
}

func getTrailStatus(c *call, in *cloudtrail.GetTrailStatusInput) (*cloudtrail.GetTrailStatusOutput, error) {
	t, err := c.trailNamed("GetTrailStatus", in.Name)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(t.logging)}
	if !t.started.IsZero() {
		out.StartLoggingTime, out.TimeLoggingStarted = aws.Time(t.started), aws.String(t.started.UTC().Format(time.RFC3339))
	}
	if !t.stopped.IsZero() {
		out.StopLoggingTime, out.TimeLoggingStopped = aws.Time(t.stopped), aws.String(t.stopped.UTC().Format(time.RFC3339))
	}
	return out, nil
}

func startLogging(c *call, in *cloudtrail.StartLoggingInput) (*cloudtrail.StartLoggingOutput, error) {
	t, err := c.trailNamed("StartLogging", in.Name)
	if err != nil {
		return nil, err
	}
	t.logging, t.started = true, c.now
	return &cloudtrail.StartLoggingOutput{}, nil
}

func stopLogging(c *call, in *cloudtrail.StopLoggingInput) (*cloudtrail.StopLoggingOutput, error) {
	t, err := c.trailNamed("StopLogging", in.Name)
	if err != nil {
		return nil, err
	}
	t.logging, t.stopped = false, c.now
	return &cloudtrail.StopLoggingOutput{}, nil
}

func putEventSelectors(c *call, in *cloudtrail.PutEventSelectorsInput) (*cloudtrail.PutEventSelectorsOutput, error) {
	t, err := c.trailNamed("PutEventSelectors", in.TrailName)
	if err != nil {
		return nil, err
	}
	if len(in.EventSelectors) > 0 && len(in.AdvancedEventSelectors) > 0 {
		return nil, fail("InvalidEventSelectorsException", "You can use either EventSelectors or AdvancedEventSelectors, not both.")
	}
	t.selectors, t.advanced = in.EventSelectors, in.AdvancedEventSelectors
	t.config.HasCustomEventSelectors = aws.Bool(true)
	return &cloudtrail.PutEventSelectorsOutput{TrailARN: t.config.TrailARN, EventSelectors: t.selectors, AdvancedEventSelectors: t.advanced}, nil
}

func getEventSelectors(c *call, in *cloudtrail.GetEventSelectorsInput) (*cloudtrail.GetEventSelectorsOutput, error) {
	t, err := c.trailNamed("GetEventSelectors", in.TrailName)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetEventSelectorsOutput{TrailARN: t.config.TrailARN, EventSelectors: t.selectors, AdvancedEventSelectors: t.advanced}, nil
}

// keyServes is how long the simulated key serves, before and after now.
const keyServes = 180 * 24 * time.Hour

// listPublicKeys gives the keys that served in the time asked for; without one, the current
// key (CloudTrail API reference, ListPublicKeys). AWS has key pairs of its own in each region
// and changes them; here one is the same everywhere, and stays.
func listPublicKeys(c *call, in *cloudtrail.ListPublicKeysInput) (*cloudtrail.ListPublicKeysOutput, error) {
	if err := c.allow("cloudtrail:ListPublicKeys", "*"); err != nil {
		return nil, err
	}
	if in.NextToken != nil {
		return nil, fail("InvalidTokenException", "The token is invalid.") // "Reserved for future use"
	}
	end := c.now
	if in.EndTime != nil {
		end = *in.EndTime
	}
	start := end
	if in.StartTime != nil {
		start = *in.StartTime
	}
	if start.After(end) {
		return nil, fail("InvalidTimeRangeException", "Start time must be earlier than end time")
	}
	out := &cloudtrail.ListPublicKeysOutput{PublicKeyList: []ct.PublicKey{}}
	made := c.now.Truncate(24 * time.Hour)
	from, to := made.Add(-keyServes), made.Add(keyServes)
	if start.After(to) || end.Before(from) {
		return out, nil
	}
	key, err := c.digestKey(c.accountID, c.region)
	if err != nil {
		return nil, err
	}
	der, print := publicKey(key)
	out.PublicKeyList = append(out.PublicKeyList, ct.PublicKey{Value: der, Fingerprint: &print, ValidityStartTime: &from, ValidityEndTime: &to})
	return out, nil
}

// digestKey signs the digests of an account and region.
func (c *Cloud) digestKey(account, region string) (*rsa.PrivateKey, error) {
	s := c.trails.at(account, region, newTrailsState)
	if s.key == nil {
		key, err := readTrailKey()
		if err != nil {
			return nil, err
		}
		s.key = key
	}
	return s.key, nil
}

// publicKey is a key as ListPublicKeys gives it, and its fingerprint.
func publicKey(key *rsa.PrivateKey) (der []byte, fingerprint string) {
	der = x509.MarshalPKCS1PublicKey(&key.PublicKey)
	sum := sha1.Sum(der)
	return der, hexOf(sum[:16])
}

func listTrailTags(c *call, in *cloudtrail.ListTagsInput) (*cloudtrail.ListTagsOutput, error) {
	out := &cloudtrail.ListTagsOutput{ResourceTagList: []ct.ResourceTag{}}
	for _, id := range in.ResourceIdList {
		t, err := c.trailNamed("ListTags", &id)
		if err != nil {
			return nil, err
		}
		out.ResourceTagList = append(out.ResourceTagList, ct.ResourceTag{ResourceId: &id, TagsList: sortedTags(t.tags)})
	}
	return out, nil
}
