package check

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// ownerless is a server that does not know the condition on the owner.
type ownerless struct{ to aws.HTTPClient }

func (o ownerless) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodHead && r.Header.Get("X-Amz-Expected-Bucket-Owner") != "" {
		return &http.Response{StatusCode: 200, Header: http.Header{"X-Amz-Bucket-Region": {region}}, Body: http.NoBody, Request: r}, nil
	}
	return o.to.Do(r)
}

func classic(rw string, values ...string) *cloudtrail.PutEventSelectorsInput {
	return &cloudtrail.PutEventSelectorsInput{EventSelectors: []types.EventSelector{{ReadWriteType: types.ReadWriteType(rw), IncludeManagementEvents: aws.Bool(true),
		DataResources: []types.DataResource{{Type: aws.String("AWS::S3::Object"), Values: values}}}}}
}

func field(name string, f types.AdvancedFieldSelector) types.AdvancedFieldSelector {
	f.Field = &name
	return f
}

func equals(name string, values ...string) types.AdvancedFieldSelector {
	return field(name, types.AdvancedFieldSelector{Equals: values})
}

func advanced(more ...types.AdvancedFieldSelector) *cloudtrail.PutEventSelectorsInput {
	return &cloudtrail.PutEventSelectorsInput{AdvancedEventSelectors: []types.AdvancedEventSelector{{
		FieldSelectors: append([]types.AdvancedFieldSelector{equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object")}, more...)}}}
}

// trail makes one that is on.
func (s *shop) trail(selectors *cloudtrail.PutEventSelectorsInput) {
	s.t.Helper()
	name := aws.String("reads")
	_, err := s.trails.CreateTrail(s.t.Context(), &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("logs-4711")})
	s.must(err)
	selectors.TrailName = name
	_, err = s.trails.PutEventSelectors(s.t.Context(), selectors)
	s.must(err)
	_, err = s.trails.StartLogging(s.t.Context(), &cloudtrail.StartLoggingInput{Name: name})
	s.must(err)
}

func TestTrailsThatRecordReaders(t *testing.T) {
	const object = "arn:aws:s3:::" + bucket + "/"
	starts := func(v ...string) types.AdvancedFieldSelector {
		return field("resources.ARN", types.AdvancedFieldSelector{StartsWith: v})
	}
	for _, c := range []struct {
		name string
		sel  *cloudtrail.PutEventSelectorsInput
		want Result
	}{
		{"whole bucket", classic("All", object), Pass},
		{"all buckets", classic("ReadOnly", "arn:aws:s3"), Pass},
		{"the prefix", classic("All", object+"cases/"), Pass},
		{"writes", classic("WriteOnly", object), Fail},
		{"another bucket", classic("All", "arn:aws:s3:::evidence-47/", "arn:aws:s3:::"+bucket+"2/"), Fail},
		{"part of the prefix", classic("All", object+prefix+"/ledger/"), Fail},
		{"nothing of S3", &cloudtrail.PutEventSelectorsInput{EventSelectors: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeAll, DataResources: []types.DataResource{{Type: aws.String("AWS::Lambda::Function"), Values: []string{"arn:aws:lambda"}}}}}}, Fail},
		{"advanced, everything", advanced(), Pass},
		{"advanced, reads", advanced(equals("readOnly", "true"), starts(object)), Pass},
		{"advanced, writes", advanced(equals("readOnly", "false")), Fail},
		{"advanced, other objects", advanced(starts("arn:aws:s3:::other/", object+"tmp/")), Fail},
		{"advanced, one of several", advanced(starts("arn:aws:s3:::other/", object+prefix+"/")), Pass},
		{"advanced, excluded", advanced(starts(object), field("resources.ARN", types.AdvancedFieldSelector{NotStartsWith: []string{object + "cases/"}})), Fail},
		{"advanced, others excluded", advanced(field("resources.ARN", types.AdvancedFieldSelector{NotStartsWith: []string{"arn:aws:s3:::logs-4711/"}})), Pass},
		{"advanced, some names", advanced(equals("eventName", "GetObject")), Fail},
		{"advanced, names", advanced(equals("eventName", "GetObject", "HeadObject")), Pass},
		{"advanced, some keys", advanced(field("resources.ARN", types.AdvancedFieldSelector{EndsWith: []string{".json"}})), Fail},
		{"advanced, some people", advanced(field("userIdentity.arn", types.AdvancedFieldSelector{NotEquals: []string{"arn:aws:iam::1:role/x"}})), Fail},
		{"advanced, management", &cloudtrail.PutEventSelectorsInput{AdvancedEventSelectors: []types.AdvancedEventSelector{{FieldSelectors: []types.AdvancedFieldSelector{equals("eventCategory", "Management")}}}}, Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fit(t)
			s.logging(false)
			s.trail(c.sel)
			s.differs(only("readers", c.want))
		})
	}
}

func TestTrailThatIsOff(t *testing.T) {
	s := fit(t)
	s.logging(false)
	s.trail(advanced())
	_, err := s.trails.StopLogging(t.Context(), &cloudtrail.StopLoggingInput{Name: aws.String("reads")})
	s.must(err)
	s.differs(only("readers", Fail))
}

// Whoever checks from another account sees that account's trails, which do not see other readers.
func TestTrailOfAnotherAccount(t *testing.T) {
	p := &probe{in: Inputs{Owner: keeperAccount}, region: region}
	trail := func(account, home string, multi, org bool) types.Trail {
		return types.Trail{TrailARN: aws.String("arn:aws:cloudtrail:" + home + ":" + account + ":trail/t"), HomeRegion: &home, IsMultiRegionTrail: &multi, IsOrganizationTrail: &org}
	}
	for _, c := range []struct {
		t    types.Trail
		want bool
	}{
		{trail(keeperAccount, region, false, false), true},
		{trail(keeperAccount, "us-east-1", false, false), false},
		{trail(keeperAccount, "us-east-1", true, false), true},
		{trail(otherAccount, region, true, false), false},
		{trail(otherAccount, region, true, true), true},
		{types.Trail{IsMultiRegionTrail: aws.Bool(true)}, false},
	} {
		if got := p.reaches(c.t); got != c.want {
			t.Errorf("%s: %v", aws.ToString(c.t.TrailARN), got)
		}
	}
}
