package awssim

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// minUnreserved is what an account must leave for functions without a reservation.
const minUnreserved = 100

type provisioned struct {
	requested int32
	changed   time.Time
}

// unreserved is what the account has left beside one function: a reservation takes its
// size, and provisioned concurrency without one takes its own.
func (s *lambdaState) unreserved(except string) int32 {
	n := s.settings
	for name, f := range s.functions {
		switch {
		case name == except:
		case f.reserved != nil:
			n -= *f.reserved
		default:
			n -= f.provisionedTotal("")
		}
	}
	return n
}

func (f *function) provisionedTotal(except string) int32 {
	var n int32
	for q, p := range f.provisioned {
		if q != except {
			n += p.requested
		}
	}
	return n
}

func putConcurrency(c *call, in *lambda.PutFunctionConcurrencyInput) (*lambda.PutFunctionConcurrencyOutput, error) {
	t, err := c.whole("PutFunctionConcurrency", in.FunctionName)
	if err != nil {
		return nil, err
	}
	want := aws.ToInt32(in.ReservedConcurrentExecutions)
	if t.state.unreserved(t.name)-want < minUnreserved {
		return nil, invalid("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)
	}
	if p := t.fn.provisionedTotal(""); want < p {
		return nil, invalid(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].", want, p)
	}
	t.fn.reserved = aws.Int32(want)
	return &lambda.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: aws.Int32(want)}, nil
}

func getConcurrency(c *call, in *lambda.GetFunctionConcurrencyInput) (*lambda.GetFunctionConcurrencyOutput, error) {
	t, err := c.whole("GetFunctionConcurrency", in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &lambda.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: t.fn.reserved}, nil
}

func deleteConcurrency(c *call, in *lambda.DeleteFunctionConcurrencyInput) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	t, err := c.whole("DeleteFunctionConcurrency", in.FunctionName)
	if err != nil {
		return nil, err
	}
	t.fn.reserved = nil
	return nil, nil
}

// provisionedTarget: provisioned concurrency hangs on a version or an alias.
func (c *call) provisionedTarget(action string, name, qualifier *string) (*lambdaTarget, error) {
	t, err := c.function(action, name, qualifier)
	if err != nil {
		return nil, err
	}
	switch {
	case t.qualifier != "" && t.qualifier != "$LATEST":
		return t, t.exists()
	case action == "PutProvisionedConcurrencyConfig":
		return nil, invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	}
	return nil, invalid("The function resource provided must be an alias or a published version.")
}

// provisionable: a version has provisioned concurrency through one name only.
func (t *lambdaTarget) provisionable() error {
	if a := t.fn.aliases[t.qualifier]; a != nil {
		switch number := aws.ToString(a.FunctionVersion); {
		case number == "$LATEST":
			return invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
		case t.fn.provisioned[number] != nil:
			return conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
		}
		return nil
	}
	for name, a := range t.fn.aliases {
		if aws.ToString(a.FunctionVersion) == t.qualifier && t.fn.provisioned[name] != nil {
			return conflict("Version is pointed by a Provisioned Concurrency alias")
		}
	}
	return nil
}

func putProvisioned(c *call, in *lambda.PutProvisionedConcurrencyConfigInput) (*lambda.PutProvisionedConcurrencyConfigOutput, error) {
	t, err := c.provisionedTarget("PutProvisionedConcurrencyConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	want := aws.ToInt32(in.ProvisionedConcurrentExecutions)
	total := want + t.fn.provisionedTotal(t.qualifier)
	if t.fn.reserved != nil && total > *t.fn.reserved {
		return nil, invalid("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
	}
	left := t.state.unreserved(t.name)
	if total > left {
		return nil, invalid("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", left)
	}
	if t.fn.reserved == nil && left-total < minUnreserved {
		return nil, invalid("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)
	}
	if err := t.provisionable(); err != nil {
		return nil, err
	}
	p := &provisioned{want, c.now}
	t.fn.provisioned[t.qualifier] = p
	return like[lambda.PutProvisionedConcurrencyConfigOutput](p.item(t, t.qualifier, c.now, c.cfg.Settle+1)), nil
}

func (p *provisioned) item(t *lambdaTarget, qualifier string, now time.Time, settle time.Duration) lt.ProvisionedConcurrencyConfigListItem {
	out := lt.ProvisionedConcurrencyConfigListItem{
		FunctionArn: aws.String(t.arn + ":" + qualifier), LastModified: aws.String(lambdaTime(p.changed)), RequestedProvisionedConcurrentExecutions: aws.Int32(p.requested),
		AllocatedProvisionedConcurrentExecutions: aws.Int32(p.requested), AvailableProvisionedConcurrentExecutions: aws.Int32(p.requested), Status: lt.ProvisionedConcurrencyStatusEnumReady,
	}
	if now.Before(p.changed.Add(settle)) {
		out.Status, out.AllocatedProvisionedConcurrentExecutions, out.AvailableProvisionedConcurrentExecutions = lt.ProvisionedConcurrencyStatusEnumInProgress, aws.Int32(0), aws.Int32(0)
	}
	return out
}

func noProvisioned() error {
	return &apiError{Code: "ProvisionedConcurrencyConfigNotFoundException", Message: "No Provisioned Concurrency Config found for this function", Fields: map[string]any{"Type": "User"}}
}

func getProvisioned(c *call, in *lambda.GetProvisionedConcurrencyConfigInput) (*lambda.GetProvisionedConcurrencyConfigOutput, error) {
	t, err := c.provisionedTarget("GetProvisionedConcurrencyConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	p := t.fn.provisioned[t.qualifier]
	if p == nil {
		return nil, noProvisioned()
	}
	return like[lambda.GetProvisionedConcurrencyConfigOutput](p.item(t, t.qualifier, c.now, c.cfg.Settle)), nil
}

func deleteProvisioned(c *call, in *lambda.DeleteProvisionedConcurrencyConfigInput) (*lambda.DeleteProvisionedConcurrencyConfigOutput, error) {
	t, err := c.provisionedTarget("DeleteProvisionedConcurrencyConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	delete(t.fn.provisioned, t.qualifier) // AWS answers 204 also where there is none
	return nil, nil
}

func listProvisioned(c *call, in *lambda.ListProvisionedConcurrencyConfigsInput) (*lambda.ListProvisionedConcurrencyConfigsOutput, error) {
	t, err := c.function("ListProvisionedConcurrencyConfigs", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []lt.ProvisionedConcurrencyConfigListItem{}
	for _, q := range qualifiersOf(t.fn.provisioned) {
		all = append(all, t.fn.provisioned[q].item(t, q, c.now, c.cfg.Settle))
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListProvisionedConcurrencyConfigsOutput{ProvisionedConcurrencyConfigs: orEmpty(page), NextMarker: next}, err
}
