package awssim

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	nt "github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// snsState is SNS in one account and region. A subscription lies with who subscribed, and
// its topic may be another account's.
type snsState struct {
	topics        map[string]*topic        // by name
	subscriptions map[string]*subscription // by ARN
}

func newSNSState() *snsState {
	return &snsState{topics: map[string]*topic{}, subscriptions: map[string]*subscription{}}
}

type topic struct {
	arn, owner string
	attributes map[string]string
	tags       map[string]string
	published  []Published
}

type subscription struct {
	arn, topic, owner, protocol, endpoint string
	principal                             string // who subscribed
	pending                               bool
	attributes                            map[string]string
}

// shownARN: a subscription that waits for its confirmation has no ARN to be shown, unless
// it is asked for.
func (s *subscription) shownARN(always bool) *string {
	if s.pending && !always {
		return aws.String("pending confirmation")
	}
	return aws.String(s.arn)
}

func (s *subscription) shown() nt.Subscription {
	arn := s.arn
	if s.pending {
		arn = "PendingConfirmation"
	}
	return nt.Subscription{SubscriptionArn: aws.String(arn), TopicArn: aws.String(s.topic), Owner: aws.String(s.owner), Protocol: aws.String(s.protocol), Endpoint: aws.String(s.endpoint)}
}

// defaultTopicPolicy is what a topic gets that is made without one: its owner's account may
// do everything (SNS Developer Guide, "Example cases").
func defaultTopicPolicy(arn, owner string) string {
	return fmt.Sprintf(`{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},`+
		`"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],`+
		`"Resource":%q,"Condition":{"StringEquals":{"AWS:SourceOwner":%q}}}]}`, arn, owner)
}

func (s *snsState) objects(account, region string, put putObject) {
	at := "sns/" + account + "/" + region
	for n, t := range s.topics {
		put(at+"/topic/"+n, map[string]any{"attributes": t.attributes, "tags": t.tags}, nil)
	}
	for arn, x := range s.subscriptions {
		put(at+"/subscription/"+arn, map[string]any{"topic": x.topic, "protocol": x.protocol, "endpoint": x.endpoint, "pending": x.pending, "attributes": x.attributes}, nil)
	}
}
