package notice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	nt "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Needs are the calls that telling makes, on a topic that is the responders' own.
func Needs() []awsapi.Need {
	return []awsapi.Need{{Call: "SNS:Publish", Class: awsapi.Plumbing, Mutates: true, When: "with --notify sns:ARN", IAM: []awsapi.Grant{{Action: "sns:Publish", Resource: "topic ARN"}}}}
}

// maxSubject is SNS's: less than 100 characters, ASCII, no line breaks (API Reference, Publish).
const maxSubject = 99

// publish puts a notice on a topic. The event is an attribute, by which subscriptions can filter. For
// a FIFO topic the same notice twice is one, and those of one alert stay in order.
func (n Notice) publish(ctx context.Context, s *awsapi.Session, topic, region string) error {
	subject, text := n.headline(), n.Text()
	in := &sns.PublishInput{
		TopicArn: &topic, Subject: aws.String(subject[:min(len(subject), maxSubject)]), Message: &text,
		MessageAttributes: map[string]nt.MessageAttributeValue{"event": {DataType: aws.String("String"), StringValue: aws.String(string(n.Event))}},
	}
	if strings.HasSuffix(topic, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(idHash(n.Alert)), aws.String(idHash(n.ID))
	}
	_, err := sns.NewFromConfig(s.Config(region, Needs())).Publish(ctx, in)
	if err != nil {
		return fmt.Errorf("telling %s: %w", topic, err)
	}
	return nil
}

// idHash is a name of SNS's alphabet and length.
func idHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
