package awssim

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// invoke never executes code: a synchronous call answers null.
func invoke(c *call, in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	t := c.target(in.FunctionName, in.Qualifier)
	if err := c.may("InvokeFunction", t); err != nil {
		return nil, err
	}
	if t.fn == nil {
		return nil, notFound(t.qualified())
	}
	v, err := t.resolve()
	if err != nil {
		return nil, err
	}
	if v.busy(c.now, c.cfg.Settle) && v.created {
		return nil, conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	}
	zero := t.fn.reserved != nil && *t.fn.reserved == 0
	switch in.InvocationType {
	case lt.InvocationTypeDryRun:
		return &lambda.InvokeOutput{StatusCode: 204}, nil
	case lt.InvocationTypeEvent:
		if zero {
			c.undelivered(t, v, in.Payload)
		} else {
			c.ran(scope{t.account, t.region}, t.fn, v, c.now)
		}
		return &lambda.InvokeOutput{StatusCode: 202}, nil
	}
	if zero {
		return nil, throttledByReservation()
	}
	c.ran(scope{t.account, t.region}, t.fn, v, c.now)
	return &lambda.InvokeOutput{StatusCode: 200, ExecutedVersion: aws.String(v.number), Payload: []byte("null")}, nil
}

func throttledByReservation() error {
	return &apiError{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded.", Fields: map[string]any{"Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}}
}

// undelivered: at concurrency 0 an asynchronous event goes at once, without a retry, to
// the OnFailure destination and to the dead-letter queue (the version's); with neither it
// is lost [the last is not verified on AWS]. The first gets a record of the invocation, the
// second the event itself (AWS: Lambda developer guide, "Capturing records of asynchronous
// invocations"; the condition is the one LocalStack found).
func (c *call) undelivered(t *lambdaTarget, v *version, payload []byte) {
	q := t.qualifier
	if q == "" {
		q = "$LATEST"
	}
	event := json.RawMessage(payload)
	if !json.Valid(payload) {
		event = json.RawMessage("null")
	}
	delivered := false
	if i := t.fn.invokes[q]; i != nil && i.config.DestinationConfig != nil && i.config.DestinationConfig.OnFailure != nil {
		record, err := json.Marshal(map[string]any{
			"version": "1.0", "timestamp": c.now.Format("2006-01-02T15:04:05.000Z"), "requestPayload": event,
			"requestContext": map[string]any{"requestId": c.requestID, "functionArn": t.arn + ":" + q, "condition": "ZeroReservedConcurrency", "approximateInvokeCount": 0},
		})
		delivered = err == nil && c.toQueue(t.fn, v, aws.ToString(i.config.DestinationConfig.OnFailure.Destination), string(record))
	}
	if d := v.config.DeadLetterConfig; d != nil && c.toQueue(t.fn, v, aws.ToString(d.TargetArn), string(payload)) {
		delivered = true
	}
	if !delivered {
		t.fn.lost++
	}
}

// toQueue delivers with the permissions of the execution role. Other targets than queues
// are not simulated.
func (c *call) toQueue(f *function, v *version, queue, body string) bool {
	a, ok := parseARN(queue)
	return ok && a.service == "sqs" && c.roleMay(f, v, "sqs:SendMessage", queue) && c.sqs.at(a.account, a.region, newSQSState).deliver(queue, body)
}

// executionRole is the role of a version, which may not be that of $LATEST any more, and
// an identity of its session.
func (c *Cloud) executionRole(f *function, v *version) (*iamRole, identity) {
	a, _ := parseARN(aws.ToString(v.config.Role))
	r := c.account(a.account).roles[lastPart(a.resource)]
	if r == nil {
		return nil, identity{}
	}
	s := &session{roleName: r.name, roleARN: r.arn, roleID: r.id, name: f.name, issued: c.Now().Truncate(time.Second), functionARN: f.arn, functionVersion: v.number}
	return r, identity{kind: "AssumedRole", account: a.account, arn: "arn:aws:sts::" + a.account + ":assumed-role/" + r.name + "/" + f.name, principalID: r.id + ":" + f.name, session: s}
}

// roleMay asks for the execution role.
func (c *Cloud) roleMay(f *function, v *version, action, resource string) bool {
	r, id := c.executionRole(f, v)
	if r == nil {
		return false
	}
	k := &call{Cloud: c, caller: id, accountID: id.account, now: c.Now()}
	return k.allowed(action, resource)
}

// ran writes what the platform writes of an invocation, if the role may write logs.
func (c *Cloud) ran(at scope, f *function, v *version, now time.Time) {
	group := "/aws/lambda/" + f.name
	if l := v.config.LoggingConfig; l != nil && l.LogGroup != nil {
		group = *l.LogGroup
	}
	stream := fmt.Sprintf("%s/[%s]%s", now.UTC().Format("2006/01/02"), v.number, c.idFrom("hex:32", "stream", f.arn, v.number, aws.ToString(v.config.CodeSha256)))
	if !c.roleMay(f, v, "logs:PutLogEvents", arnOf("logs", at.region, at.account, "log-group:"+group+":log-stream:"+stream)) {
		return
	}
	id := c.idFrom("uuid", "invocation", f.arn, itoa(c.nth("invocation", f.arn)))
	c.logs.at(at.account, at.region, newLogsState).append(group, stream, now,
		"START RequestId: "+id+" Version: "+v.number+"\n", "END RequestId: "+id+"\n",
		"REPORT RequestId: "+id+"\tDuration: 2.10 ms\tBilled Duration: 3 ms\tMemory Size: "+itoa(aws.ToInt32(v.config.MemorySize))+" MB\tMax Memory Used: 38 MB\t\n")
}

// trusts says whether a service may assume a role.
func (c *Cloud) trusts(r *iamRole, service string) bool {
	k := &call{Cloud: c, caller: identity{kind: "AWSService", account: "", invokedBy: service}, now: c.Now()}
	return k.allowed("sts:AssumeRole", r.arn, k.trustOf(r, accountOfARN(r.arn)))
}

func accountOfARN(s string) string {
	a, _ := parseARN(s)
	return a.account
}

// ExecutionCredentials are what a fresh execution environment of the function holds: a
// session of its role, named as the function, in scope of function and version. The
// service's own AssumeRole is recorded. An unqualified ARN is $LATEST.
func (c *Cloud) ExecutionCredentials(functionARN string) (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := parseARN(functionARN)
	if !ok {
		return Credentials{}, fmt.Errorf("not an ARN: %s", functionARN)
	}
	k := &call{Cloud: c, accountID: a.account, region: a.region, now: c.Now().UTC()}
	t := k.target(&functionARN, nil)
	if t.fn == nil {
		return Credentials{}, notFound(functionARN)
	}
	v, err := t.resolve()
	if err != nil {
		return Credentials{}, err
	}
	role, _ := c.executionRole(t.fn, v)
	if role == nil || !c.trusts(role, "lambda.amazonaws.com") {
		return Credentials{}, fail("AccessDenied", "lambda.amazonaws.com may not assume the role of %s", functionARN)
	}
	s := session{name: t.name, expires: k.now.Add(12 * time.Hour), functionARN: t.arn, functionVersion: v.number}
	creds, err := c.issueRoleSession(accountOfARN(role.arn), role.name, s, k.now)
	if err != nil {
		return Credentials{}, err
	}
	c.recordEnvironment(k, role, creds, s.expires)
	return creds, nil
}

// ServiceCredentials are what a service hands to what it runs as a role, an ECS task for example:
// a session with a name, if the role's trust lets the service in for something of the role's own
// account.
func (c *Cloud) ServiceCredentials(roleARN, service, name string) (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	account, now := accountOfARN(roleARN), c.Now().UTC()
	role := c.account(account).roles[lastPart(roleARN)]
	k := &call{Cloud: c, caller: identity{kind: "AWSService", invokedBy: service}, now: now}
	if role == nil || !k.allowed("sts:AssumeRole", roleARN, k.trustOf(role, account), withCondition("aws:SourceAccount", account)) {
		return Credentials{}, fail("AccessDenied", "%s may not assume %s", service, roleARN)
	}
	return c.issueRoleSession(account, role.name, session{name: name, expires: now.Add(6 * time.Hour)}, now)
}

// recordEnvironment is the service's AssumeRole as CloudTrail shows it. Its session name
// is not the one that later calls carry.
func (c *Cloud) recordEnvironment(k *call, role *iamRole, creds Credentials, expires time.Time) {
	name := "awslambda_" + c.idFrom("hex:8", "env", creds.AccessKeyID) + "_" + k.now.Format("20060102150405")
	c.recordService(serviceEvent{
		service: "sts", name: "AssumeRole", invokedBy: "lambda.amazonaws.com", account: accountOfARN(role.arn), region: k.region, at: k.now, readOnly: true, call: true,
		request: map[string]any{"roleArn": role.arn, "roleSessionName": name},
		response: map[string]any{
			"credentials":     map[string]any{"accessKeyId": creds.AccessKeyID, "sessionToken": creds.SessionToken, "expiration": expires.UTC().Format("Jan 2, 2006, 3:04:05 PM")},
			"assumedRoleUser": map[string]any{"assumedRoleId": role.id + ":" + name, "arn": "arn:aws:sts::" + accountOfARN(role.arn) + ":assumed-role/" + role.name + "/" + name},
		},
		resources: []trailResource{{role.arn, "AWS::IAM::Role"}},
	})
}
