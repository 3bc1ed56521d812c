package awssim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// durableExecution is a run of a durable function that keeps its steps. Nothing runs here:
// executions are staged (StageDurableExecution).
type durableExecution struct {
	name, id, version string
	about             lambda.GetDurableExecutionOutput
	events            []lt.Event
}

// arn carries the version that runs: every replay uses it.
func (d *durableExecution) arn(function string) string {
	return function + ":" + d.version + "/durable-execution/" + d.name + "/" + d.id
}

// StageDurableExecution lets a version of a function ("...:function:NAME:3", or "$LATEST")
// have begun a durable execution. What one must have and about lacks is filled in; the events
// are numbered, and the first of them is the start with its input.
func (c *Cloud) StageDurableExecution(functionARN string, about lambda.GetDurableExecutionOutput, events ...lt.Event) (arn string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _ := parseARN(functionARN)
	k := &call{Cloud: c, accountID: a.account, region: a.region, now: c.cfg.Clock.Now().UTC()}
	t := k.target(&functionARN, nil)
	if t.fn == nil || t.fn.version(t.qualifier) == nil {
		return "", notFound(functionARN)
	}
	v := t.fn.version(t.qualifier)
	if v.config.DurableConfig == nil {
		return "", fmt.Errorf("%s has no DurableConfig", functionARN)
	}
	d := &durableExecution{version: v.number, about: about}
	d.id = c.idFrom("uuid", "durable", t.arn, strconv.Itoa(len(t.fn.durable)))
	d.name = cmp.Or(aws.ToString(about.DurableExecutionName), d.id)
	d.about.DurableExecutionName, d.about.FunctionArn, d.about.Version = &d.name, aws.String(t.arn+":"+v.number), &v.number
	d.about.DurableConfig, d.about.Status = v.config.DurableConfig, cmp.Or(about.Status, lt.ExecutionStatusRunning)
	if about.StartTimestamp == nil {
		d.about.StartTimestamp = aws.Time(k.now.Truncate(time.Second))
	}
	d.about.DurableExecutionArn = aws.String(d.arn(t.arn))
	start := lt.Event{EventType: lt.EventTypeExecutionStarted, EventTimestamp: d.about.StartTimestamp, ExecutionStartedDetails: &lt.ExecutionStartedDetails{
		ExecutionTimeout: v.config.DurableConfig.ExecutionTimeout, Input: &lt.EventInput{Payload: about.InputPayload, Truncated: aws.Bool(false)}}}
	for n, e := range append([]lt.Event{start}, events...) {
		e.EventId = aws.Int32(int32(n + 1))
		if e.EventTimestamp == nil {
			e.EventTimestamp = d.about.StartTimestamp
		}
		d.events = append(d.events, e)
	}
	t.fn.durable = append(t.fn.durable, d)
	slices.SortStableFunc(t.fn.durable, func(a, b *durableExecution) int { return a.about.StartTimestamp.Compare(*b.about.StartTimestamp) })
	return *d.about.DurableExecutionArn, nil
}

// listDurable is newest first unless asked otherwise (API reference).
func listDurable(c *call, in *lambda.ListDurableExecutionsByFunctionInput) (*lambda.ListDurableExecutionsByFunctionOutput, error) {
	t, err := c.function("ListDurableExecutionsByFunction", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	number := ""
	if t.qualifier != "" {
		v, err := t.resolve()
		if err != nil {
			return nil, err
		}
		number = v.number
	}
	all := []lt.Execution{}
	for _, d := range t.fn.durable {
		a := &d.about
		if number != "" && d.version != number || in.DurableExecutionName != nil && *in.DurableExecutionName != d.name || len(in.Statuses) > 0 && !slices.Contains(in.Statuses, a.Status) ||
			in.StartedAfter != nil && !a.StartTimestamp.After(*in.StartedAfter) || in.StartedBefore != nil && !a.StartTimestamp.Before(*in.StartedBefore) {
			continue
		}
		e := lt.Execution{DurableExecutionArn: a.DurableExecutionArn, DurableExecutionName: a.DurableExecutionName, FunctionArn: a.FunctionArn, StartTimestamp: a.StartTimestamp, EndTimestamp: a.EndTimestamp, Status: a.Status}
		e.KMSKeyArn = a.DurableConfig.KMSKeyArn
		all = append(all, e)
	}
	if !aws.ToBool(in.ReverseOrder) {
		slices.Reverse(all)
	}
	page, next, err := paginate(all, in.Marker, &in.MaxItems, pageOfDurable(in.MaxItems))
	return &lambda.ListDurableExecutionsByFunctionOutput{DurableExecutions: page, NextMarker: next}, err
}

// pageOfDurable: 100 unless up to 1000 are asked for.
func pageOfDurable(most int32) int {
	if most > 0 {
		return 1000
	}
	return 100
}

var durableARN = regexp.MustCompile(`^(arn:[^/]+):([^:/]+)/durable-execution/([^/]+)/([^/]+)$`)

// durableAt finds an execution. Permission is asked on its own ARN (service authorization
// reference, AWS Lambda, resource type "durable execution").
func (c *call) durableAt(action string, arn *string) (*durableExecution, error) {
	if err := c.allow("lambda:"+action, aws.ToString(arn)); err != nil {
		return nil, err
	}
	if p := durableARN.FindStringSubmatch(aws.ToString(arn)); p != nil {
		if t := c.target(&p[1], nil); t.fn != nil {
			c.trail.resources = []trailResource{{t.arn, "AWS::Lambda::Function"}}
			for _, d := range t.fn.durable {
				if *d.about.DurableExecutionArn == *arn {
					return d, nil
				}
			}
		}
	}
	return nil, notThere("Durable execution not found: %s", aws.ToString(arn)) // text not verified
}

func getDurable(c *call, in *lambda.GetDurableExecutionInput) (*lambda.GetDurableExecutionOutput, error) {
	d, err := c.durableAt("GetDurableExecution", in.DurableExecutionArn)
	if err != nil {
		return nil, err
	}
	out := d.about
	out.ExecutionDataIncluded = aws.Bool(in.IncludeExecutionData == nil || *in.IncludeExecutionData)
	if !*out.ExecutionDataIncluded {
		out.InputPayload, out.Result, out.Error = nil, nil, nil
	}
	return &out, nil
}

// stopDurable ends an execution that runs. One that has ended stays as it ended (not verified).
func stopDurable(c *call, in *lambda.StopDurableExecutionInput) (*lambda.StopDurableExecutionOutput, error) {
	d, err := c.durableAt("StopDurableExecution", in.DurableExecutionArn)
	if err != nil {
		return nil, err
	}
	if d.about.Status == lt.ExecutionStatusRunning {
		why := cmp.Or(in.Error, &lt.ErrorObject{})
		d.about.Status, d.about.EndTimestamp, d.about.Error = lt.ExecutionStatusStopped, aws.Time(c.now.Truncate(time.Second)), in.Error
		d.events = append(d.events, lt.Event{EventId: aws.Int32(int32(len(d.events) + 1)), EventType: lt.EventTypeExecutionStopped, EventTimestamp: d.about.EndTimestamp,
			ExecutionStoppedDetails: &lt.ExecutionStoppedDetails{Error: &lt.EventError{Payload: why, Truncated: aws.Bool(false)}}})
	}
	return &lambda.StopDurableExecutionOutput{StopTimestamp: cmp.Or(d.about.EndTimestamp, d.about.StartTimestamp)}, nil
}

func durableHistory(c *call, in *lambda.GetDurableExecutionHistoryInput) (*lambda.GetDurableExecutionHistoryOutput, error) {
	d, err := c.durableAt("GetDurableExecutionHistory", in.DurableExecutionArn)
	if err != nil {
		return nil, err
	}
	if in.IncludeExecutionData != nil && !*in.IncludeExecutionData {
		return nil, invalid("freezeframe simulator: history without its data is not simulated")
	}
	all := slices.Clone(d.events)
	if aws.ToBool(in.ReverseOrder) {
		slices.Reverse(all)
	}
	page, next, err := paginate(all, in.Marker, &in.MaxItems, pageOfDurable(in.MaxItems))
	return &lambda.GetDurableExecutionHistoryOutput{Events: page, NextMarker: next}, err
}
