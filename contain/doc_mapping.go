package contain

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// mapping is whether one event source mapping (Place.Key is its UUID) polls.
type mapping struct {
	Enabled bool   `json:"enabled"`
	Moving  string `json:"moving,omitempty"` // Enabling, Disabling, Updating, Creating: AWS is at it
}

const docMapping = "lambda.mappings"

func mappingActs() []Act {
	return Define(Doc[mapping]{
		Name: docMapping,
		Needs: []awsapi.Need{
			on("Lambda:GetEventSourceMapping", "mapping ARN", false),
			on("Lambda:UpdateEventSourceMapping", "mapping ARN", true),
		},
		Resource: mappingARN,
		Read:     readMapping,
		Equal:    func(a, b mapping) bool { return a.Enabled == b.Enabled },
		Settled:  func(s mapping) bool { return s.Moving == "" },
		Steps:    mappingSteps,
	}, forGood(mappingEdit(), actMappingsEvict,
		"keep a hostile event source mapping disabled for good; it stays in the account, as evidence, and with the place in its stream",
		Fixture{Named: "mapping"})...)
}

// mappingEdit disables. So does its evicting twin, and nothing is deleted: a mapping that was
// made again would have another UUID and begin its stream anew, which undo could not mend,
// and the one that is there shows what it read, of whom, and how far. What makes the
// difference is who may enable it: not release.
func mappingEdit() Edit[mapping] {
	return Edit[mapping]{
		Name:  actMappings,
		About: "disable event source mappings: queues and streams are no longer polled",
		Lossy: "retention of streams and queues runs on: what expires there meanwhile is lost",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "event-source-mapping", Target: mappingFound}},
		On:      []TargetKind{OnFunction, OnResource},
		Rank:    rank(stageTriggers),
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				if _, uuid, ok := strings.Cut(s.ARN, ":event-source-mapping:"); ok {
					return []string{uuid}
				}
				return nil
			}
			var keys []string
			for _, m := range s.Mappings {
				keys = append(keys, aws.ToString(m.UUID))
			}
			return keys
		},
		Parts: []string{partMappings},
		Apply: func(Place, mapping, Params) (mapping, error) { return mapping{}, nil },
		Destroys: func(p Place, _ mapping) []Artefact {
			if p.Kind == OnResource {
				return nil // a mapping by itself is collected with no function
			}
			return []Artefact{{Name: "lambda.mappings", ARN: p.ARN}}
		},
		Breaks: unpolled,
	}
}

// mappingFound is the ARN of a mapping that a finding names as "mapping/UUID".
func mappingFound(f finding.Finding) string {
	uuid, ok := strings.CutPrefix(f.Name, "mapping/")
	if f.ARN != "" || !ok || f.Region == "" || f.Account == "" {
		return f.ARN
	}
	return mappingARN(Place{Target{Partition: "aws", Region: f.Region, Account: f.Account}, uuid})
}

func mappingARN(p Place) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:event-source-mapping:%s", p.Partition, p.Region, p.Account, p.Key)
}

// readMapping takes a mapping on its way for what it will be: only Disabling and
// Disabled are off. Disabled by AWS itself (LambdaESMDisabled) is Disabled too.
func readMapping(ctx context.Context, cfg aws.Config, p Place) (mapping, Token, error) {
	out, err := lambdaClient(cfg).GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(p.Key)})
	if err != nil {
		return mapping{}, "", err
	}
	switch state := aws.ToString(out.State); state {
	case "Enabled":
		return mapping{Enabled: true}, "", nil
	case "Disabled":
		return mapping{}, "", nil
	case "Disabling", "Deleting":
		return mapping{Moving: state}, "", nil
	default:
		return mapping{Enabled: true, Moving: state}, "", nil
	}
}

func mappingSteps(p Place, _, to mapping, _ Token) []Step {
	in := &lambda.UpdateEventSourceMappingInput{UUID: aws.String(p.Key), Enabled: aws.Bool(to.Enabled)}
	return []Step{{"Lambda:UpdateEventSourceMapping", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateEventSourceMapping(ctx, in)
		return err
	}}}
}

func unpolled(s *Survey, before map[string]mapping) []Impact {
	var all []Impact
	for _, m := range s.Mappings {
		if state, ok := before[aws.ToString(m.UUID)]; ok && state.Enabled {
			all = append(all, Impact{
				What: "trigger", Resource: aws.ToString(m.EventSourceArn),
				Detail: fmt.Sprintf("no longer feeds %s", orLatest(qualifierOf(aws.ToString(m.FunctionArn)))),
			})
		}
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
