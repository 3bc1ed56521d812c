package contain

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// suspension is what Application Auto Scaling leaves undone on the provisioned concurrency of
// one qualifier (Place.Key). Bounds, policies and scheduled actions stay where they are.
type suspension struct {
	In        bool `json:"in"`
	Out       bool `json:"out"`
	Scheduled bool `json:"scheduled"`
	Gone      bool `json:"gone,omitempty"` // it is not registered
}

const partScaling = "application auto scaling"

func autoscalingActs() []Act {
	return Define(Doc[suspension]{
		Name: "autoscaling.target",
		Needs: []awsapi.Need{
			does("ApplicationAutoScaling:DescribeScalableTargets", "application-autoscaling:DescribeScalableTargets", "*", false),
			does("ApplicationAutoScaling:RegisterScalableTarget", "application-autoscaling:RegisterScalableTarget", "scalable target ARN", true),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readSuspension,
		Steps:    suspensionSteps,
	}, hostileScaling(forGood(scalingEdit(), actScalingEvict,
		"keep suspended for good the Application Auto Scaling that an intruder has set up and that would put provisioned concurrency back, by its finding; named without one: all of the function's", Fixture{}))...)
}

// hostileScaling gives the evicting twin the qualifiers whose scaling or capacity findings
// name: what is deleted there for good must not be put back by release, and the scaling of
// the owner's other aliases has to go on.
func hostileScaling(acts []Edit[suspension]) []Edit[suspension] {
	acts[1].Keys = func(s *Survey) []string {
		scaled := Found[[]string](s, partScaling)
		if s.given && (slices.Contains(s.in.Acts, actScalingEvict) || slices.Contains(s.in.Acts, actProvisionedEvict)) {
			return scaled
		}
		return slices.DeleteFunc(slices.Clone(scaled), func(q string) bool {
			return !slices.ContainsFunc(s.Findings, func(f finding.Finding) bool {
				return f.Kind == "scalable-target" && scaledQualifier(f) == q || f.Kind == "function-provisioned" && findingQualifier(f) == q
			})
		})
	}
	return acts
}

func scalingEdit() Edit[suspension] {
	return Edit[suspension]{
		Name:  actScaling,
		About: "suspend Application Auto Scaling of provisioned concurrency, which would put it back; policies and scheduled actions stay",
		Lossy: "scheduled actions that fall due meanwhile are not made up for",
		Kind:  Isolate, Attack: []string{"T1496"},
		Answers: []Answer{{Kind: "scalable-target", Target: scaledFunction, Key: scaledQualifier}},
		Rank:    rank(stageProvisioned - 1), Holds: true,
		Keys:  func(s *Survey) []string { return Found[[]string](s, partScaling) },
		Parts: []string{partScaling}, Looks: []Part{scalingLook()},
		Apply: func(_ Place, s suspension, _ Params) (suspension, error) {
			if s.Gone {
				return s, nil
			}
			return suspension{In: true, Out: true, Scheduled: true}, nil
		},
		Destroys: func(p Place, _ suspension) []Artefact {
			return []Artefact{{Name: "autoscaling.targets", ARN: p.ARN}}
		},
		Breaks: func(_ *Survey, before map[string]suspension) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "alias or version", Resource: key, Detail: "provisioned concurrency is no longer scaled"})
			}
			return all
		},
	}
}

// scaledFunction is the function of a finding named "scalable/function:NAME:QUALIFIER".
func scaledFunction(f finding.Finding) string {
	name, qualifier, both := strings.Cut(strings.TrimPrefix(f.Name, "scalable/function:"), ":")
	if !both || name == "" || qualifier == "" || f.Account == "" || f.Region == "" {
		return ""
	}
	return "arn:aws:lambda:" + f.Region + ":" + f.Account + ":function:" + name
}

func scaledQualifier(f finding.Finding) string { return f.Name[strings.LastIndexByte(f.Name, ':')+1:] }

func scalingClient(cfg aws.Config) *aas.Client { return aas.NewFromConfig(cfg) }

const scaledDimension = aastypes.ScalableDimensionLambdaFunctionProvisionedConcurrency

func scalableTargets(ctx context.Context, cfg aws.Config, in *aas.DescribeScalableTargetsInput) (all []aastypes.ScalableTarget, err error) {
	in.ServiceNamespace, in.ScalableDimension = aastypes.ServiceNamespaceLambda, scaledDimension
	err = pages(func(m *string) (*string, error) {
		in.NextToken = m
		out, err := scalingClient(cfg).DescribeScalableTargets(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.ScalableTargets...)
		return out.NextToken, nil
	})
	return all, err
}

func scaledID(p Place) string { return "function:" + p.Function + ":" + p.Key }

func readSuspension(ctx context.Context, cfg aws.Config, p Place) (suspension, Token, error) {
	all, err := scalableTargets(ctx, cfg, &aas.DescribeScalableTargetsInput{ResourceIds: []string{scaledID(p)}})
	if err != nil || len(all) == 0 {
		return suspension{Gone: true}, "", err
	}
	x := all[0].SuspendedState
	if x == nil {
		return suspension{}, "", nil
	}
	return suspension{In: aws.ToBool(x.DynamicScalingInSuspended), Out: aws.ToBool(x.DynamicScalingOutSuspended), Scheduled: aws.ToBool(x.ScheduledScalingSuspended)}, "", nil
}

// suspensionSteps names no bounds: those that are left out stay.
func suspensionSteps(p Place, now, to suspension, _ Token) []Step {
	if now.Gone || to.Gone {
		return nil
	}
	in := &aas.RegisterScalableTargetInput{ServiceNamespace: aastypes.ServiceNamespaceLambda, ScalableDimension: scaledDimension, ResourceId: aws.String(scaledID(p)),
		SuspendedState: &aastypes.SuspendedState{DynamicScalingInSuspended: aws.Bool(to.In), DynamicScalingOutSuspended: aws.Bool(to.Out), ScheduledScalingSuspended: aws.Bool(to.Scheduled)}}
	return []Step{{"ApplicationAutoScaling:RegisterScalableTarget", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := scalingClient(cfg).RegisterScalableTarget(ctx, in)
		return err
	}}}
}

// scalingLook is asked in every plan, since concurrency 0 needs what it finds: it finds no callers.
func scalingLook() Part {
	return Look(Part{Name: partScaling, Needs: []awsapi.Need{does("ApplicationAutoScaling:DescribeScalableTargets", "application-autoscaling:DescribeScalableTargets", "*", false)}},
		func(ctx context.Context, cfg aws.Config, s *Survey) (qualifiers []string, err error) {
			all, err := scalableTargets(ctx, cfg, &aas.DescribeScalableTargetsInput{})
			for _, x := range all {
				if q, ours := strings.CutPrefix(aws.ToString(x.ResourceId), "function:"+s.Function+":"); ours {
					qualifiers = append(qualifiers, q)
				}
			}
			return qualifiers, err
		}, func(*Survey, []string) []Caller { return nil })
}
