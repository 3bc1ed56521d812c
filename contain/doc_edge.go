package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	fronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// edge is what a distribution (Place.Key is its ARN) calls of the function. A write replaces
// the distribution's whole configuration, which may hold secrets (headers for its origins): it
// is read just before, restated as it is, and never in a plan.
type edge struct {
	Calls map[string]edgeCall `json:"calls,omitempty"` // by "PATH-PATTERN EVENT"; the default behaviour has no pattern
}

type edgeCall struct {
	Version string `json:"version"` // ARN, with the version's number
	Body    *bool  `json:"body,omitempty"`
}

const (
	docEdge         = "cloudfront.associations"
	actEdge         = "edge-detach"
	partFronts      = "CloudFront distributions"
	maxFronts       = 5_000
	paramAssociated = "versions"
)

func edgeActs() []Act {
	update := does("CloudFront:UpdateDistribution", "cloudfront:UpdateDistribution", "distribution ARN", true)
	// To let CloudFront call it again takes leave of the function too (CloudFront developer
	// guide, "Set up IAM permissions and roles for Lambda@Edge"; the asterisks are of the names).
	for _, action := range []string{"lambda:GetFunction", "lambda:EnableReplication*", "lambda:DisableReplication*"} {
		update.IAM = append(update.IAM, awsapi.Grant{Action: action, Resource: "version ARN"})
	}
	return Define(Doc[edge]{
		Name: docEdge,
		Needs: []awsapi.Need{
			does("CloudFront:GetDistributionConfig", "cloudfront:GetDistributionConfig", "distribution ARN", false),
			update,
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readEdge,
		Steps:    edgeSteps,
	}, edgeEdit())
}

func edgeEdit() Edit[edge] {
	return Edit[edge]{
		Name:  actEdge,
		About: "take the function's associations out of CloudFront distributions (Lambda@Edge, which no reserved concurrency stops); with --bad-version those of bad versions alone; the rest of the configuration stays as it is",
		Lossy: "a member of the configuration that AWS added after this version of the tool was made is not restated, and goes back to AWS's default",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1648"},
		Parts: []string{partFronts}, Looks: []Part{edgeLook()},
		Keys: func(s *Survey) []string {
			var keys []string
			for _, f := range Found[[]calledByFront](s, partFronts) {
				if slices.ContainsFunc(sortedKeys(f.Calls), func(k string) bool { return s.detached(f.Calls[k].Version) }) {
					keys = append(keys, f.ARN)
				}
			}
			return keys
		},
		Params: func(_ PlanInput, s *Survey) Params {
			var all []string
			for _, f := range Found[[]calledByFront](s, partFronts) {
				for _, c := range f.Calls {
					if s.detached(c.Version) && !slices.Contains(all, c.Version) {
						all = append(all, c.Version)
					}
				}
			}
			slices.Sort(all)
			return Params{paramAssociated: strings.Join(all, " ")}
		},
		Apply: func(_ Place, before edge, params Params) (edge, error) {
			gone, kept := strings.Fields(params[paramAssociated]), map[string]edgeCall{}
			for k, c := range before.Calls {
				if !slices.Contains(gone, c.Version) {
					kept[k] = c
				}
			}
			return edge{kept}, nil
		},
		Destroys: func(p Place, _ edge) []Artefact { return []Artefact{{Name: "cloudfront.distributions", ARN: p.ARN}} },
		Breaks: func(s *Survey, before map[string]edge) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				for _, k := range sortedKeys(before[key].Calls) {
					if c := before[key].Calls[k]; s.detached(c.Version) {
						all = append(all, Impact{What: "distribution", Resource: key, Detail: behaviour(k) + " passes requests and answers on as they are: " + c.Version + " no longer sees them"})
					}
				}
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{
				"CloudFront takes the change at once and needs minutes to bring it to every edge location, which go on with the function until then: aws cloudfront wait distribution-deployed --id ID",
				"the replicas of the version stay in other regions until AWS takes them away, hours later; runs under way end by themselves",
				"whoever may call UpdateDistribution can associate it again; a staging distribution becomes the production's configuration when it is promoted",
			}
		},
	}
}

// detached says whether associations with this version (an ARN) are to go.
func (v *Survey) detached(version string) bool {
	q, ours := v.calledAs(version)
	return ours && (len(v.in.Bad) == 0 || v.bad(q))
}

// behaviour puts a key of edge.Calls in words.
func behaviour(key string) string {
	i := strings.LastIndexByte(key, ' ')
	if i <= 0 {
		return "the default behaviour, " + strings.TrimSpace(key) + ","
	}
	return key[:i] + ", " + key[i+1:] + ","
}

// calledByFront is one distribution that calls the function.
type calledByFront struct {
	ARN string
	edge
}

// edgeLook finds them. Lambda@Edge is of the partitions aws and aws-cn; on AWS such a function
// lies in us-east-1, which is not relied on.
func edgeLook() Part {
	return Look(Part{Name: partFronts, Needs: []awsapi.Need{does("CloudFront:ListDistributions", "cloudfront:ListDistributions", "*", false)}}, lookForFronts,
		func(s *Survey, found []calledByFront) []Caller {
			var all []Caller
			for _, f := range found {
				for _, k := range sortedKeys(f.Calls) {
					q, _ := s.calledAs(f.Calls[k].Version)
					all = append(all, Caller{Kind: "distribution", Name: f.ARN, Qualifier: q, Detail: behaviour(k) + " whatever concurrency is reserved", Doc: docEdge, Key: f.ARN,
						stays: func(after json.RawMessage) bool {
							left, err := decode[edge](after)
							return err != nil || left.Calls[k].Version != ""
						}})
				}
			}
			return all
		})
}

func lookForFronts(ctx context.Context, cfg aws.Config, s *Survey) (found []calledByFront, err error) {
	if s.Partition != "aws" && s.Partition != "aws-cn" {
		return nil, nil
	}
	c, seen := cloudfront.NewFromConfig(cfg), 0
	err = pages(func(m *string) (*string, error) {
		out, err := c.ListDistributions(ctx, &cloudfront.ListDistributionsInput{Marker: m})
		if err != nil || out.DistributionList == nil {
			return nil, err
		}
		for _, d := range out.DistributionList.Items {
			if seen++; seen > maxFronts {
				return nil, fmt.Errorf("more than %d", maxFronts)
			}
			of := associated(s.Target, d.DefaultCacheBehavior, d.CacheBehaviors)
			if len(of.Calls) > 0 {
				found = append(found, calledByFront{aws.ToString(d.ARN), of})
			}
		}
		if !aws.ToBool(out.DistributionList.IsTruncated) {
			return nil, nil
		}
		return out.DistributionList.NextMarker, nil
	})
	slices.SortFunc(found, func(a, b calledByFront) int { return strings.Compare(a.ARN, b.ARN) })
	return found, err
}

// associated are the function's associations of all behaviours.
func associated(t Target, standard *fronttypes.DefaultCacheBehavior, others *fronttypes.CacheBehaviors) edge {
	s := edge{map[string]edgeCall{}}
	eachBehaviour(standard, others, func(pattern string, list **fronttypes.LambdaFunctionAssociations) {
		if *list == nil {
			return
		}
		for _, a := range (*list).Items {
			if _, ours := (&Survey{Target: t}).calledAs(aws.ToString(a.LambdaFunctionARN)); ours {
				s.Calls[pattern+" "+string(a.EventType)] = edgeCall{aws.ToString(a.LambdaFunctionARN), a.IncludeBody}
			}
		}
	})
	return s
}

func eachBehaviour(standard *fronttypes.DefaultCacheBehavior, others *fronttypes.CacheBehaviors, do func(pattern string, list **fronttypes.LambdaFunctionAssociations)) {
	if standard != nil {
		do("", &standard.LambdaFunctionAssociations)
	}
	if others != nil {
		for i := range others.Items {
			do(aws.ToString(others.Items[i].PathPattern), &others.Items[i].LambdaFunctionAssociations)
		}
	}
}

// wholeFront is what a write has to restate: it is held in memory alone.
type wholeFront struct {
	ETag   string
	Config *fronttypes.DistributionConfig
}

func frontID(p Place) *string { return aws.String(roleName(p.Key)) }

func readEdge(ctx context.Context, cfg aws.Config, p Place) (edge, Token, error) {
	out, err := cloudfront.NewFromConfig(cfg).GetDistributionConfig(ctx, &cloudfront.GetDistributionConfigInput{Id: frontID(p)})
	if err != nil {
		return edge{}, "", err
	}
	if out.DistributionConfig == nil || aws.ToString(out.ETag) == "" {
		return edge{}, "", errors.New("AWS answers without the configuration, or without its ETag")
	}
	whole, err := json.Marshal(wholeFront{*out.ETag, out.DistributionConfig})
	return associated(p.Target, out.DistributionConfig.DefaultCacheBehavior, out.DistributionConfig.CacheBehaviors), Token(whole), err
}

// edgeSteps shows the function's associations alone, as they will be.
func edgeSteps(p Place, _, to edge, tok Token) []Step {
	return []Step{{"CloudFront:UpdateDistribution", map[string]any{"Id": frontID(p), "DistributionConfig": "as it is, but for the function's associations", "LambdaFunctionAssociations": to.Calls},
		func(ctx context.Context, cfg aws.Config) error {
			var whole wholeFront
			if err := json.Unmarshal([]byte(tok), &whole); err != nil || whole.Config == nil {
				return fmt.Errorf("%w: the distribution was not read", errNotKept)
			}
			associate(p.Target, whole.Config, to)
			_, err := cloudfront.NewFromConfig(cfg).UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: frontID(p), IfMatch: &whole.ETag, DistributionConfig: whole.Config})
			return err
		}}}
}

// associate leaves those of other functions, and puts the wanted ones of this in.
func associate(t Target, f *fronttypes.DistributionConfig, to edge) {
	eachBehaviour(f.DefaultCacheBehavior, f.CacheBehaviors, func(pattern string, list **fronttypes.LambdaFunctionAssociations) {
		var items []fronttypes.LambdaFunctionAssociation
		if *list != nil {
			for _, a := range (*list).Items {
				if _, ours := (&Survey{Target: t}).calledAs(aws.ToString(a.LambdaFunctionARN)); !ours {
					items = append(items, a)
				}
			}
		}
		for _, k := range sortedKeys(to.Calls) {
			if i := strings.LastIndexByte(k, ' '); i >= 0 && k[:i] == pattern {
				c := to.Calls[k]
				items = append(items, fronttypes.LambdaFunctionAssociation{EventType: fronttypes.EventType(k[i+1:]), LambdaFunctionARN: &c.Version, IncludeBody: c.Body})
			}
		}
		if *list != nil || len(items) > 0 {
			*list = &fronttypes.LambdaFunctionAssociations{Quantity: aws.Int32(int32(len(items))), Items: items} //nolint:gosec // a behaviour has at most four events
		}
	})
}
