package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// mapping is an event source mapping. It moves towards enabled or disabled, and is
// there Settle after the last change.
type mapping struct {
	config  lt.EventSourceMappingConfiguration
	enabled bool
	moving  string // "Creating", "Enabling", "Disabling", "Updating", "Deleting"
	changed time.Time
	tags    map[string]string
}

// gone: a deleted mapping is there until it has settled.
func (m *mapping) gone(now time.Time, settle time.Duration) bool {
	return m.moving == "Deleting" && !m.busy(now, settle)
}

func (m *mapping) busy(now time.Time, settle time.Duration) bool {
	return now.Before(m.changed.Add(settle))
}

func (m *mapping) view(now time.Time, settle time.Duration) lt.EventSourceMappingConfiguration {
	out := m.config
	state := "Disabled"
	if m.enabled {
		state = "Enabled"
	}
	if m.busy(now, settle) {
		state = m.moving
	}
	out.State = aws.String(state)
	return out
}

func createMapping(c *call, in *lambda.CreateEventSourceMappingInput) (*lambda.CreateEventSourceMappingOutput, error) {
	t := c.target(in.FunctionName, nil)
	if t.bad != nil {
		c.authorized = true
		return nil, t.bad
	}
	if err := c.allow("lambda:CreateEventSourceMapping", "*", withCondition("lambda:FunctionArn", t.qualified())); err != nil {
		return nil, err
	}
	c.trail.resources = []trailResource{{t.arn, "AWS::Lambda::Function"}}
	if err := c.mappable(t, in); err != nil {
		return nil, err
	}
	m := &mapping{config: *like[lt.EventSourceMappingConfiguration](in), enabled: in.Enabled == nil || *in.Enabled, moving: "Creating", changed: c.now, tags: in.Tags}
	uuid := c.id("uuid")
	m.config.UUID, m.config.EventSourceMappingArn = aws.String(uuid), aws.String(arnOf("lambda", t.region, t.account, "event-source-mapping:"+uuid))
	m.config.FunctionArn, m.config.LastModified, m.config.StateTransitionReason = aws.String(t.qualified()), aws.Time(c.now), aws.String("USER_INITIATED")
	if m.config.BatchSize == nil {
		m.config.BatchSize = aws.Int32(batchSize(aws.ToString(in.EventSourceArn)))
	}
	if m.config.MaximumBatchingWindowInSeconds == nil {
		m.config.MaximumBatchingWindowInSeconds = aws.Int32(0)
	}
	if aws.ToString(in.EventSourceArn) != "" && batchSize(*in.EventSourceArn) == 100 {
		m.config.LastProcessingResult = aws.String("No records processed")
		m.config.StateTransitionReason = aws.String("User action")
	}
	t.state.mappings[uuid] = m
	return like[lambda.CreateEventSourceMappingOutput](m.view(c.now, c.cfg.Settle+1)), nil
}

// mappable: there is a function and a source, and no mapping between them yet.
func (c *call) mappable(t *lambdaTarget, in *lambda.CreateEventSourceMappingInput) error {
	if in.EventSourceArn == nil && in.SelfManagedEventSource == nil {
		return invalid("Unrecognized event source.")
	}
	if t.fn == nil || t.fn.version(t.qualifier) == nil {
		return invalid("Function does not exist")
	}
	source, service := aws.ToString(in.EventSourceArn), "sqs"
	if a, ok := parseARN(source); ok {
		service = a.service
	}
	if slices.Contains([]string{"kinesis", "dynamodb", "kafka"}, service) && in.StartingPosition == "" {
		return invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	}
	for _, id := range sortedNames(t.state.mappings) {
		m := t.state.mappings[id]
		if source == "" || m.gone(c.now, c.cfg.Settle) || aws.ToString(m.config.EventSourceArn) != source || aws.ToString(m.config.FunctionArn) != t.qualified() {
			continue
		}
		if service == "sqs" {
			return conflict("An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. Please update or delete the existing mapping with UUID %s", source, t.name, id)
		}
		return conflict("The event source arn (\" %s \") and function (\" %s \") provided mapping already exists. Please update or delete the existing mapping with UUID %s", source, t.name, id)
	}
	return nil
}

// batchSize is AWS's default: 10 for queues, 100 for streams.
func batchSize(source string) int32 {
	if strings.HasPrefix(source, "arn:aws:sqs:") {
		return 10
	}
	return 100
}

// mapping finds a mapping by UUID; its ARN is what permission is asked for.
func (c *call) mapping(action string, uuid *string) (*lambdaState, *mapping, error) {
	s := c.lambda.at(c.accountID, c.region, newLambdaState)
	m := s.mappings[aws.ToString(uuid)]
	if m != nil && m.gone(c.now, c.cfg.Settle) {
		m = nil
	}
	opts := []authOption{}
	if m != nil {
		opts = append(opts, withCondition("lambda:FunctionArn", aws.ToString(m.config.FunctionArn)))
		fn, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(m.config.FunctionArn), arnOf("lambda", c.region, c.accountID, "function:")), ":")
		c.trail.resources = []trailResource{{arnOf("lambda", c.region, c.accountID, "function:"+fn), "AWS::Lambda::Function"}}
	}
	if err := c.allow("lambda:"+action, arnOf("lambda", c.region, c.accountID, "event-source-mapping:"+aws.ToString(uuid)), opts...); err != nil {
		return nil, nil, err
	}
	if m == nil {
		return nil, nil, none()
	}
	return s, m, nil
}

func getMapping(c *call, in *lambda.GetEventSourceMappingInput) (*lambda.GetEventSourceMappingOutput, error) {
	_, m, err := c.mapping("GetEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	return like[lambda.GetEventSourceMappingOutput](m.view(c.now, c.cfg.Settle)), nil
}

func updateMapping(c *call, in *lambda.UpdateEventSourceMappingInput) (*lambda.UpdateEventSourceMappingOutput, error) {
	_, m, err := c.mapping("UpdateEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	if m.busy(c.now, c.cfg.Settle) {
		return nil, inUse(m)
	}
	uuid, arn := m.config.UUID, m.config.FunctionArn
	if in.FunctionName != nil {
		t := c.target(in.FunctionName, nil)
		if t.bad != nil {
			return nil, t.bad
		}
		if t.fn == nil || t.fn.version(t.qualifier) == nil {
			return nil, invalid("Function does not exist")
		}
		arn = aws.String(t.qualified())
	}
	overlay(&m.config, in)
	m.config.UUID, m.config.FunctionArn = uuid, arn
	m.moving = "Updating"
	if in.Enabled != nil && *in.Enabled != m.enabled {
		m.enabled, m.moving = *in.Enabled, "Disabling"
		if m.enabled {
			m.moving = "Enabling"
		}
	}
	m.changed, m.config.LastModified = c.now, aws.Time(c.now)
	return like[lambda.UpdateEventSourceMappingOutput](m.view(c.now, c.cfg.Settle+1)), nil
}

func inUse(m *mapping) error {
	return &apiError{Code: "ResourceInUseException", Fields: map[string]any{"Type": "User"},
		Message: "Cannot update the event source mapping " + aws.ToString(m.config.UUID) + " because it is in use."}
}

func deleteMapping(c *call, in *lambda.DeleteEventSourceMappingInput) (*lambda.DeleteEventSourceMappingOutput, error) {
	_, m, err := c.mapping("DeleteEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	if m.busy(c.now, c.cfg.Settle) {
		return nil, inUse(m)
	}
	m.moving, m.changed = "Deleting", c.now
	return like[lambda.DeleteEventSourceMappingOutput](m.view(c.now, c.cfg.Settle+1)), nil
}

func listMappings(c *call, in *lambda.ListEventSourceMappingsInput) (*lambda.ListEventSourceMappingsOutput, error) {
	if err := c.allow("lambda:ListEventSourceMappings", "*"); err != nil {
		return nil, err
	}
	s := c.lambda.at(c.accountID, c.region, newLambdaState)
	want := ""
	if in.FunctionName != nil {
		t := c.target(in.FunctionName, nil)
		if t.bad != nil {
			return nil, t.bad
		}
		if want = t.qualified(); t.fn == nil {
			return nil, notFound(want)
		}
	}
	all := []lt.EventSourceMappingConfiguration{}
	for _, id := range sortedNames(s.mappings) {
		m := s.mappings[id]
		if m.gone(c.now, c.cfg.Settle) {
			continue
		}
		if (want == "" || aws.ToString(m.config.FunctionArn) == want) && (in.EventSourceArn == nil || *in.EventSourceArn == aws.ToString(m.config.EventSourceArn)) {
			v := m.view(c.now, c.cfg.Settle)
			if v.KMSKeyArn != nil {
				v.FilterCriteria = nil // AWS: encrypted criteria show in Get alone
			}
			all = append(all, v)
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &lambda.ListEventSourceMappingsOutput{EventSourceMappings: orEmpty(page), NextMarker: next}, err
}
