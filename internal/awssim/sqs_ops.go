package awssim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// sqsOps is every simulated operation of SQS.
func sqsOps() []operation {
	return []operation{
		op("sqs", "CreateQueue", createQueue), op("sqs", "GetQueueUrl", getQueueURL), op("sqs", "ListQueues", listQueues), op("sqs", "DeleteQueue", deleteQueue),
		op("sqs", "GetQueueAttributes", getQueueAttributes), op("sqs", "SetQueueAttributes", setQueueAttributes),
		op("sqs", "SendMessage", sendMessage), op("sqs", "ReceiveMessage", receiveMessage), op("sqs", "DeleteMessage", deleteMessage),
		op("sqs", "ChangeMessageVisibility", changeVisibility), op("sqs", "PurgeQueue", purgeQueue),
		op("sqs", "ListQueueTags", listQueueTags), op("sqs", "TagQueue", tagQueue), op("sqs", "UntagQueue", untagQueue),
	}
}

func (c *call) queues() *sqsState { return c.sqs.at(c.accountID, c.region, newSQSState) }

func (c *call) queueURL(name string) *string {
	return aws.String("http://" + c.http.Host + "/" + c.accountID + "/" + name)
}

func noQueue() error {
	return fail("QueueDoesNotExist", "The specified queue does not exist.")
}

// queue finds a queue by URL: the last two parts of its path are account and name.
func (c *call) queue(action string, url *string) (*queue, error) {
	part := strings.Split(aws.ToString(url), "/")
	account, name := c.accountID, part[len(part)-1]
	if len(part) > 1 && len(part[len(part)-2]) == 12 {
		account = part[len(part)-2]
	}
	q := c.sqs.at(account, c.region, newSQSState).queues[name]
	policy := ""
	if q != nil {
		policy = q.attributes["Policy"]
	}
	if err := c.allow("sqs:"+action, arnOf("sqs", c.region, account, name), withResourcePolicy(policy, account)); err != nil {
		return nil, err
	}
	if q == nil {
		return nil, noQueue()
	}
	return q, nil
}

func createQueue(c *call, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	name := aws.ToString(in.QueueName)
	arn := c.arn("sqs", name)
	if err := c.allow("sqs:CreateQueue", arn); err != nil {
		return nil, err
	}
	s := c.queues()
	if q := s.queues[name]; q != nil {
		for k, v := range in.Attributes {
			if q.attributes[k] != v {
				return nil, fail("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", k)
			}
		}
		return &sqs.CreateQueueOutput{QueueUrl: c.queueURL(name)}, nil
	}
	q := &queue{name: name, arn: arn, attributes: map[string]string{}, tags: map[string]string{}, created: c.now, modified: c.now}
	for k, v := range in.Attributes {
		q.attributes[k] = v
	}
	for k, v := range in.Tags {
		q.tags[k] = v
	}
	s.queues[name] = q
	return &sqs.CreateQueueOutput{QueueUrl: c.queueURL(name)}, nil
}

func getQueueURL(c *call, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
	name := aws.ToString(in.QueueName)
	if err := c.allow("sqs:GetQueueUrl", c.arn("sqs", name)); err != nil {
		return nil, err
	}
	if c.queues().queues[name] == nil {
		return nil, noQueue()
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: c.queueURL(name)}, nil
}

func listQueues(c *call, in *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
	if err := c.allow("sqs:ListQueues", c.arn("sqs", "*")); err != nil {
		return nil, err
	}
	var all []string
	for _, n := range sortedNames(c.queues().queues) {
		if strings.HasPrefix(n, aws.ToString(in.QueueNamePrefix)) {
			all = append(all, *c.queueURL(n))
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 1000)
	return &sqs.ListQueuesOutput{QueueUrls: page, NextToken: next}, err
}

func deleteQueue(c *call, in *sqs.DeleteQueueInput) (*sqs.DeleteQueueOutput, error) {
	q, err := c.queue("DeleteQueue", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	delete(c.queues().queues, q.name)
	return nil, nil
}

// all are the attributes as Get shows them: what was set, AWS's defaults, and counts.
func (q *queue) all(now time.Time) map[string]string {
	waiting, flying := 0, 0
	for _, m := range q.messages {
		if m.visible.After(now) {
			flying++
		} else {
			waiting++
		}
	}
	out := map[string]string{
		"QueueArn": q.arn, "VisibilityTimeout": "30", "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
		"ApproximateNumberOfMessages": strconv.Itoa(waiting), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(flying), "ApproximateNumberOfMessagesDelayed": "0",
		"CreatedTimestamp": strconv.FormatInt(q.created.Unix(), 10), "LastModifiedTimestamp": strconv.FormatInt(q.modified.Unix(), 10), "SqsManagedSseEnabled": "true",
	}
	for k, v := range q.attributes {
		out[k] = v
	}
	return out
}

func getQueueAttributes(c *call, in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	q, err := c.queue("GetQueueAttributes", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all, out := q.all(c.now), map[string]string{}
	for _, n := range in.AttributeNames {
		if n == qt.QueueAttributeNameAll {
			out = all
			break
		}
		if v, ok := all[string(n)]; ok {
			out[string(n)] = v
		}
	}
	if len(out) == 0 {
		out = nil
	}
	return &sqs.GetQueueAttributesOutput{Attributes: out}, nil
}

func setQueueAttributes(c *call, in *sqs.SetQueueAttributesInput) (*sqs.SetQueueAttributesOutput, error) {
	q, err := c.queue("SetQueueAttributes", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for k, v := range in.Attributes {
		if v == "" {
			delete(q.attributes, k)
			continue
		}
		q.attributes[k] = v
	}
	q.modified = c.now
	return nil, nil
}

func sendMessage(c *call, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	q, err := c.queue("SendMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	m := q.add(c.id("uuid"), aws.ToString(in.MessageBody), c.now, max(time.Duration(in.DelaySeconds)*time.Second, q.seconds("DelaySeconds", 0)))
	return &sqs.SendMessageOutput{MessageId: aws.String(m.id), MD5OfMessageBody: aws.String(md5Hex(m.body))}, nil
}

// redrive moves a message that was received too often to the dead-letter queue.
func (c *call) redrive(q *queue, m *message) bool {
	var policy struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
		MaxReceiveCount     any    `json:"maxReceiveCount"` // a number, or a number as text
	}
	if json.Unmarshal([]byte(q.attributes["RedrivePolicy"]), &policy) != nil {
		return false
	}
	most := 0
	switch n := policy.MaxReceiveCount.(type) {
	case float64:
		most = int(n)
	case string:
		most, _ = strconv.Atoi(n) // no number: never
	}
	a, ok := parseARN(policy.DeadLetterTargetArn)
	if !ok || most == 0 || m.received < most {
		return false
	}
	return c.sqs.at(a.account, a.region, newSQSState).deliver(policy.DeadLetterTargetArn, m.body)
}

func receiveMessage(c *call, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	q, err := c.queue("ReceiveMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	timeout := q.seconds("VisibilityTimeout", 30)
	if in.VisibilityTimeout > 0 {
		timeout = time.Duration(in.VisibilityTimeout) * time.Second
	}
	most := max(1, int(in.MaxNumberOfMessages))
	out := &sqs.ReceiveMessageOutput{}
	var left []*message
	for _, m := range q.messages {
		if m.visible.After(c.now) || len(out.Messages) >= most {
			left = append(left, m)
			continue
		}
		if c.redrive(q, m) {
			continue
		}
		left = append(left, m)
		m.received++
		if m.received == 1 {
			m.first = c.now
		}
		m.visible, m.receipt = c.now.Add(timeout), c.id("token", m.id, strconv.Itoa(m.received))
		out.Messages = append(out.Messages, qt.Message{MessageId: aws.String(m.id), ReceiptHandle: aws.String(m.receipt), Body: aws.String(m.body), MD5OfBody: aws.String(md5Hex(m.body)), Attributes: m.attributes(in)})
	}
	q.messages = left
	return out, nil
}

func (m *message) attributes(in *sqs.ReceiveMessageInput) map[string]string {
	var names []string
	for _, n := range in.MessageSystemAttributeNames {
		names = append(names, string(n))
	}
	//lint:ignore SA1019 older clients still ask by the old name
	for _, n := range in.AttributeNames {
		names = append(names, string(n))
	}
	all := map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received), "SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10), "ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.first.UnixMilli(), 10)}
	if slices.Contains(names, "All") {
		return all
	}
	var out map[string]string
	for _, n := range names {
		if v, ok := all[n]; ok {
			if out == nil {
				out = map[string]string{}
			}
			out[n] = v
		}
	}
	return out
}

// held finds a received message by its receipt.
func (q *queue) held(receipt *string) (int, *message) {
	for i, m := range q.messages {
		if m.receipt != "" && m.receipt == aws.ToString(receipt) {
			return i, m
		}
	}
	return -1, nil
}

func deleteMessage(c *call, in *sqs.DeleteMessageInput) (*sqs.DeleteMessageOutput, error) {
	q, err := c.queue("DeleteMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	i, m := q.held(in.ReceiptHandle)
	if m == nil {
		return nil, fail("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	q.messages = slices.Delete(slices.Clone(q.messages), i, i+1)
	return nil, nil
}

func changeVisibility(c *call, in *sqs.ChangeMessageVisibilityInput) (*sqs.ChangeMessageVisibilityOutput, error) {
	q, err := c.queue("ChangeMessageVisibility", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	_, m := q.held(in.ReceiptHandle)
	if m == nil {
		return nil, fail("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if !m.visible.After(c.now) {
		return nil, fail("MessageNotInflight", "The specified message isn't in flight.")
	}
	m.visible = c.now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
	return nil, nil
}

func purgeQueue(c *call, in *sqs.PurgeQueueInput) (*sqs.PurgeQueueOutput, error) {
	q, err := c.queue("PurgeQueue", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q.messages = nil
	return nil, nil
}

func listQueueTags(c *call, in *sqs.ListQueueTagsInput) (*sqs.ListQueueTagsOutput, error) {
	q, err := c.queue("ListQueueTags", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &sqs.ListQueueTagsOutput{Tags: q.tags}, nil
}

func tagQueue(c *call, in *sqs.TagQueueInput) (*sqs.TagQueueOutput, error) {
	q, err := c.queue("TagQueue", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for k, v := range in.Tags {
		q.tags[k] = v
	}
	return nil, nil
}

func untagQueue(c *call, in *sqs.UntagQueueInput) (*sqs.UntagQueueOutput, error) {
	q, err := c.queue("UntagQueue", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, k := range in.TagKeys {
		delete(q.tags, k)
	}
	return nil, nil
}
