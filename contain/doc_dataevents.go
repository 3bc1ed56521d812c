package contain

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// selectors are what a trail (Place.Key is its ARN) records: of one form or the other,
// and each write replaces them all.
type selectors struct {
	Basic    []ct.EventSelector         `json:"basic"`
	Advanced []ct.AdvancedEventSelector `json:"advanced"`
}

// Names that CloudTrail has for Lambda's data events. Every function's ARN begins with
// the last one.
const (
	lambdaData   = "AWS::Lambda::Function"
	allFunctions = "arn:aws:lambda"
)

func dataEventActs() []Act {
	return Define(Doc[selectors]{
		Name: "cloudtrail.selectors",
		Needs: []awsapi.Need{
			on("CloudTrail:GetEventSelectors", "trail ARN", false),
			on("CloudTrail:PutEventSelectors", "trail ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (selectors, Token, error) {
			s, err := readSelectors(ctx, cfg, p.Key)
			return s, "", err
		},
		Steps: func(p Place, _, to selectors, _ Token) []Step {
			in := &cloudtrail.PutEventSelectorsInput{TrailName: aws.String(p.Key)}
			if len(to.Advanced) > 0 { // both forms at once are refused
				in.AdvancedEventSelectors = to.Advanced
			} else {
				in.EventSelectors = to.Basic
			}
			return []Step{{"CloudTrail:PutEventSelectors", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := cloudtrail.NewFromConfig(cfg).PutEventSelectors(ctx, in)
				return err
			}}}
		},
	}, dataEventsEdit())
}

func dataEventsEdit() Edit[selectors] {
	return Edit[selectors]{
		Name:       actDataEvents,
		About:      "let a trail record the function's Invoke calls beside what it records (of a trail that is named: every function's)",
		Lossy:      "a trail with the selectors that it was made with counts as one with selectors of its own from then on",
		LosesState: []string{"cloudtrail/*#.config.HasCustomEventSelectors"},
		Kind:       Preserve, Attack: []string{"T1562.008"}, Sparse: true,
		On:    []TargetKind{OnFunction, OnResource},
		Looks: []Part{trailsPart()},
		Parts: []string{partTrails},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				return trailKey(s)
			}
			all := Found[[]knownTrail](s, partTrails)
			if slices.ContainsFunc(all, func(t knownTrail) bool { return t.Logging && t.Covers }) {
				return nil
			}
			for _, t := range all { // one is enough: each further one is billed
				if t.Logging {
					return []string{t.ARN}
				}
			}
			return nil
		},
		Params: func(_ PlanInput, s *Survey) Params {
			if s.Kind == OnResource {
				return Params{"functions": strings.Replace(allFunctions, ":aws:", ":"+s.Partition+":", 1)}
			}
			return Params{"functions": s.ARN}
		},
		Apply: func(_ Place, s selectors, params Params) (selectors, error) {
			return s.with(params["functions"]), nil
		},
		Breaks: func(s *Survey, before map[string]selectors) []Impact {
			of := "of this function"
			if s.Kind == OnResource {
				of = "of every function of the account"
			}
			var all []Impact
			for _, trail := range sortedKeys(before) {
				all = append(all, Impact{What: "trail", Resource: trail, Detail: "every Invoke " + of + " is delivered as a data event, and billed (0.10 USD per 100,000 by AWS's list price)"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"calls from before are not recorded, and those from now on arrive some minutes late"}
		},
	}
}

func readSelectors(ctx context.Context, cfg aws.Config, trail string) (selectors, error) {
	out, err := cloudtrail.NewFromConfig(cfg).GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: aws.String(trail)})
	if err != nil {
		return selectors{}, err
	}
	s := selectors{out.EventSelectors, out.AdvancedEventSelectors}
	if len(s.Basic)+len(s.Advanced) == 0 { // as AWS makes a trail; an emulator shows none, and no call writes none
		s.Basic = []ct.EventSelector{{ReadWriteType: ct.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true)}}
	}
	s.settle()
	return s, nil
}

// settle makes lists that are empty and lists that are not there the same: CloudTrail
// answers with the former where it was given the latter.
func (s *selectors) settle() {
	for i := range s.Basic {
		b := &s.Basic[i]
		b.DataResources, b.ExcludeManagementEventSources = orEmpty(b.DataResources), orEmpty(b.ExcludeManagementEventSources)
	}
	for i := range s.Advanced {
		for j := range s.Advanced[i].FieldSelectors {
			f := &s.Advanced[i].FieldSelectors[j]
			for _, list := range []*[]string{&f.Equals, &f.StartsWith, &f.EndsWith, &f.NotEquals, &f.NotStartsWith, &f.NotEndsWith} {
				if len(*list) == 0 {
					*list = nil
				}
			}
		}
	}
	s.Basic, s.Advanced = orEmpty(s.Basic), orEmpty(s.Advanced)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// with adds the functions to what is recorded, of the form that the trail has.
func (s selectors) with(functions string) selectors {
	if s.covers(functions) {
		return s
	}
	if len(s.Advanced) > 0 {
		s.Advanced = append(s.Advanced, ct.AdvancedEventSelector{Name: aws.String("freezeframe: Lambda"), FieldSelectors: []ct.AdvancedFieldSelector{
			{Field: aws.String("eventCategory"), Equals: []string{"Data"}},
			{Field: aws.String("resources.type"), Equals: []string{lambdaData}},
			{Field: aws.String("resources.ARN"), StartsWith: []string{functions}},
		}})
		return s
	}
	more := ct.DataResource{Type: aws.String(lambdaData), Values: []string{functions}}
	i := slices.IndexFunc(s.Basic, func(b ct.EventSelector) bool { return b.ReadWriteType == ct.ReadWriteTypeAll })
	if i < 0 {
		// Management events are recorded as they were, by the other selectors.
		s.Basic = append(s.Basic, ct.EventSelector{ReadWriteType: ct.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(false), DataResources: []ct.DataResource{more}})
	} else {
		s.Basic[i].DataResources = append(s.Basic[i].DataResources, more)
	}
	s.settle()
	return s
}

// covers says whether Invoke, which counts as a write, is recorded of the functions whose
// ARNs begin so.
func (s selectors) covers(functions string) bool {
	for _, b := range s.Basic {
		if b.ReadWriteType == ct.ReadWriteTypeReadOnly {
			continue
		}
		for _, d := range b.DataResources {
			if aws.ToString(d.Type) == lambdaData && slices.ContainsFunc(d.Values, func(v string) bool { return v == functions || strings.HasSuffix(v, ":lambda") }) {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.Advanced, func(a ct.AdvancedEventSelector) bool { return coversAll(a, functions) })
}

// coversAll: a selector with a condition that is not known here is taken for one that leaves
// something out.
func coversAll(a ct.AdvancedEventSelector, functions string) bool {
	lambda := false
	for _, f := range a.FieldSelectors {
		if len(f.NotEquals)+len(f.NotStartsWith)+len(f.NotEndsWith)+len(f.EndsWith) > 0 {
			return false
		}
		begins := func(v string) bool { return strings.HasPrefix(functions, v) }
		switch aws.ToString(f.Field) {
		case "eventCategory":
			if !slices.Contains(f.Equals, "Data") {
				return false
			}
		case "resources.type":
			lambda = slices.Contains(f.Equals, lambdaData)
		case "readOnly":
			if !slices.Contains(f.Equals, "false") {
				return false
			}
		case "resources.ARN":
			if !slices.Contains(f.Equals, functions) && !slices.ContainsFunc(f.StartsWith, begins) {
				return false
			}
		default:
			return false
		}
	}
	return lambda
}
