package awssim

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Published is a message that a topic took.
type Published struct {
	ID, Subject, Message string
	Attributes           map[string]string
}

// Published lists what a topic took, in order.
func (c *Cloud) Published(topicARN string) []Published {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _ := parseARN(topicARN)
	t := c.topics.at(a.account, a.region, newSNSState).topics[a.resource]
	if t == nil {
		return nil
	}
	return slices.Clone(t.published)
}

// maxPublished is how much a message may hold with its attributes (SNS API Reference, Publish).
const maxPublished = 256 << 10

// subjectForm: ASCII that begins with a letter, number or punctuation mark, without line breaks or
// control characters, less than 100 characters (SNS API Reference, Publish).
var subjectForm = regexp.MustCompile(`^[!-~][ -~]{0,98}$`)

// publish takes a message for a topic. Telephones and endpoints of applications are not simulated.
func publish(c *call, in *sns.PublishInput) (*sns.PublishOutput, error) {
	arn := in.TopicArn
	if arn == nil {
		arn = in.TargetArn
	}
	if arn == nil {
		c.authorized = true // nothing was named that anybody could be asked about
		return nil, fail("InvalidParameter", "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
	}
	t, err := c.topic("Publish", arn)
	if err != nil {
		return nil, err
	}
	message, size := aws.ToString(in.Message), len(aws.ToString(in.Message))
	out := Published{ID: c.id("uuid"), Subject: aws.ToString(in.Subject), Message: message, Attributes: map[string]string{}}
	for k, v := range in.MessageAttributes {
		size += len(k) + len(aws.ToString(v.DataType)) + len(aws.ToString(v.StringValue)) + len(v.BinaryValue)
		out.Attributes[k] = aws.ToString(v.StringValue)
	}
	switch {
	case message == "":
		return nil, fail("InvalidParameter", "Invalid parameter: Empty message")
	case size > maxPublished:
		return nil, fail("InvalidParameter", "Invalid parameter: Message too long")
	case in.Subject != nil && !subjectForm.MatchString(*in.Subject):
		return nil, fail("InvalidParameter", "Invalid parameter: Subject")
	case strings.HasSuffix(t.arn, ".fifo") && in.MessageGroupId == nil:
		return nil, fail("InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
	}
	t.published = append(t.published, out)
	c.trail.resources = []trailResource{{t.arn, "AWS::SNS::Topic"}}
	return &sns.PublishOutput{MessageId: &out.ID}, nil
}
