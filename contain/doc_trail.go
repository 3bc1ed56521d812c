package contain

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// trailLogging is whether a trail (Place.Key is its ARN, of its home region) logs.
type trailLogging struct {
	Logging bool `json:"logging"`
}

const partTrails = "trails"

// knownTrail is a trail of this account that records the target's region.
type knownTrail struct {
	ARN     string
	Logging bool
	Stopped time.Time // zero: it never logged
	Covers  bool      // it records Invoke calls of the function
}

func trailActs() []Act {
	return Define(Doc[trailLogging]{
		Name: "cloudtrail.logging",
		Needs: []awsapi.Need{
			on("CloudTrail:GetTrailStatus", "trail ARN", false),
			on("CloudTrail:StartLogging", "trail ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (trailLogging, Token, error) {
			out, err := cloudtrail.NewFromConfig(cfg).GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: aws.String(p.Key)})
			if err != nil {
				return trailLogging{}, "", err
			}
			return trailLogging{aws.ToBool(out.IsLogging)}, "", nil
		},
		Steps: func(p Place, _, to trailLogging, _ Token) []Step {
			if !to.Logging {
				return nil // StopLogging is a call that this tool never makes
			}
			in := &cloudtrail.StartLoggingInput{Name: aws.String(roleName(p.Key))} // in its home region the name is enough
			return []Step{{"CloudTrail:StartLogging", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := cloudtrail.NewFromConfig(cfg).StartLogging(ctx, in)
				return err
			}}}
		},
	}, Edit[trailLogging]{
		Name:       actLogging,
		About:      "start a trail that was stopped",
		Lossy:      "undo leaves it logging: whoever wants it stopped does that by hand",
		LosesState: []string{"cloudtrail/*#.logging"},
		Kind:       Preserve, Attack: []string{"T1562.008"}, Stays: true, Sparse: true,
		Answers: []Answer{{Kind: "trail-logging", Change: "changed", Target: trailOf}},
		On:      []TargetKind{OnFunction, OnResource},
		Looks:   []Part{trailsPart()},
		Parts:   []string{partTrails},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				return trailKey(s)
			}
			var keys []string
			for _, t := range Found[[]knownTrail](s, partTrails) {
				if !t.Logging && !t.Stopped.IsZero() { // one that never logged was not stopped by anybody
					keys = append(keys, t.ARN)
				}
			}
			return keys
		},
		Apply: func(Place, trailLogging, Params) (trailLogging, error) { return trailLogging{true}, nil },
		Breaks: func(_ *Survey, before map[string]trailLogging) []Impact {
			var all []Impact
			for _, trail := range sortedKeys(before) {
				all = append(all, Impact{What: "trail", Resource: trail, Detail: "delivers again, from now on: what happened while it was stopped stands in event history only, 90 days back; copies beside the first trail's are billed"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"the bucket, its policy and the trail's event selectors may have been changed too: compare them"}
		},
	})
}

// trailKey is the trail that the target is.
func trailKey(s *Survey) []string {
	if strings.Contains(s.ARN, ":cloudtrail:") && strings.Contains(s.ARN, ":trail/") {
		return []string{s.ARN}
	}
	return nil
}

// trailOf is the trail of a finding, which calls name by its name or its ARN.
func trailOf(f finding.Finding) string {
	if strings.HasPrefix(f.ARN, "arn:") {
		return f.ARN
	}
	name, ok := strings.CutPrefix(f.Name, "trail/")
	name = strings.TrimSuffix(name, "/logging")
	switch {
	case !ok || name == "":
		return ""
	case strings.HasPrefix(name, "arn:"):
		return name
	case f.Account == "" || f.Region == "":
		return ""
	}
	return "arn:aws:cloudtrail:" + f.Region + ":" + f.Account + ":trail/" + name
}

// trailsPart reads the trails that record the function's region. One of another account
// (an organization's) is that account's to change.
func trailsPart() Part {
	return Look(Part{
		Name: partTrails, On: []TargetKind{OnFunction},
		Needs: []awsapi.Need{
			when(on("CloudTrail:DescribeTrails", "*", false), "planning"),
			on("CloudTrail:GetTrailStatus", "trail ARN", false),
			on("CloudTrail:GetEventSelectors", "trail ARN", false),
		},
	}, func(ctx context.Context, cfg aws.Config, s *Survey) ([]knownTrail, error) {
		out, err := cloudtrail.NewFromConfig(cfg).DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
		if err != nil {
			return nil, err
		}
		var all []knownTrail
		for _, t := range out.TrailList {
			arn := aws.ToString(t.TrailARN)
			if accountOf(arn) != s.Account {
				continue
			}
			home := cfg.Copy()
			home.Region = first(aws.ToString(t.HomeRegion), regionOf(arn))
			known, err := aboutTrail(ctx, home, arn, s.ARN)
			if err != nil {
				return all, err
			}
			all = append(all, known)
		}
		return all, nil
	}, nil)
}

func aboutTrail(ctx context.Context, cfg aws.Config, trail, function string) (knownTrail, error) {
	c, k := cloudtrail.NewFromConfig(cfg), knownTrail{ARN: trail}
	status, err := c.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: aws.String(trail)})
	if err != nil {
		return k, err
	}
	k.Logging, k.Stopped = aws.ToBool(status.IsLogging), aws.ToTime(status.StopLoggingTime)
	now, err := readSelectors(ctx, cfg, trail)
	k.Covers = now.covers(function)
	return k, err
}
