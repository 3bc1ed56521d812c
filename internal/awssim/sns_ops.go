package awssim

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	nt "github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// snsOps is every simulated operation of SNS. Messages are kept where tests can read them
// (Published) and delivered to nobody.
func snsOps() []operation {
	return []operation{
		op("sns", "CreateTopic", createTopic), op("sns", "DeleteTopic", deleteTopic), op("sns", "ListTopics", listTopics),
		op("sns", "GetTopicAttributes", getTopicAttributes), op("sns", "SetTopicAttributes", setTopicAttributes),
		op("sns", "Subscribe", subscribe), op("sns", "Unsubscribe", unsubscribe), op("sns", "ListSubscriptions", listSubscriptions), op("sns", "ListSubscriptionsByTopic", listSubscriptionsByTopic),
		op("sns", "GetSubscriptionAttributes", getSubscriptionAttributes), op("sns", "SetSubscriptionAttributes", setSubscriptionAttributes),
		op("sns", "ListTagsForResource", listTopicTags), op("sns", "TagResource", tagTopic), op("sns", "UntagResource", untagTopic),
		op("sns", "Publish", publish),
	}
}

func (c *call) sns() *snsState { return c.topics.at(c.accountID, c.region, newSNSState) }

// topic finds a topic of any account by its ARN, once the topic's own policy was asked too.
func (c *call) topic(action string, arn *string) (*topic, error) {
	a, ok := parseARN(aws.ToString(arn))
	if !ok || a.service != "sns" {
		c.authorized = true // refused before anybody is asked: the ARN says no resource
		return nil, fail("InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not %d", len(strings.Split(aws.ToString(arn), ":")))
	}
	t := c.topics.at(a.account, a.region, newSNSState).topics[a.resource]
	policy := ""
	if t != nil {
		policy = t.attributes["Policy"]
	}
	if err := c.allow("sns:"+action, a.String(), withResourcePolicy(policy, a.account)); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fail("NotFound", "Topic does not exist")
	}
	return t, nil
}

// topicName is what the SNS API Reference allows for CreateTopic.
func topicName(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`).MatchString(strings.TrimSuffix(name, ".fifo"))
}

func createTopic(c *call, in *sns.CreateTopicInput) (*sns.CreateTopicOutput, error) {
	name := aws.ToString(in.Name)
	arn := c.arn("sns", name)
	if err := c.allow("sns:CreateTopic", arn); err != nil {
		return nil, err
	}
	if !topicName(name) {
		return nil, fail("InvalidParameter", "Invalid parameter: Topic Name")
	}
	if t := c.sns().topics[name]; t != nil {
		for k, v := range in.Attributes {
			if t.attributes[k] != v {
				return nil, fail("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
			}
		}
		return &sns.CreateTopicOutput{TopicArn: &arn}, nil
	}
	t := &topic{arn: arn, owner: c.accountID, attributes: map[string]string{"Policy": defaultTopicPolicy(arn, c.accountID)}, tags: map[string]string{}}
	maps.Copy(t.attributes, in.Attributes)
	for _, tag := range in.Tags {
		t.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	c.sns().topics[name] = t
	c.trail.resources = []trailResource{{arn, "AWS::SNS::Topic"}}
	return &sns.CreateTopicOutput{TopicArn: &arn}, nil
}

// deleteTopic leaves the subscriptions, as SNS does: they show until their owners end them.
func deleteTopic(c *call, in *sns.DeleteTopicInput) (*sns.DeleteTopicOutput, error) {
	a, _ := parseARN(aws.ToString(in.TopicArn))
	if err := c.allow("sns:DeleteTopic", aws.ToString(in.TopicArn)); err != nil {
		return nil, err
	}
	delete(c.topics.at(a.account, a.region, newSNSState).topics, a.resource)
	return nil, nil
}

func listTopics(c *call, in *sns.ListTopicsInput) (*sns.ListTopicsOutput, error) {
	if err := c.allow("sns:ListTopics", c.arn("sns", "*")); err != nil {
		return nil, err
	}
	var all []nt.Topic
	for _, n := range sortedNames(c.sns().topics) {
		all = append(all, nt.Topic{TopicArn: aws.String(c.sns().topics[n].arn)})
	}
	page, next, err := paginate(all, in.NextToken, nil, 100)
	return &sns.ListTopicsOutput{Topics: page, NextToken: next}, err
}

func getTopicAttributes(c *call, in *sns.GetTopicAttributesInput) (*sns.GetTopicAttributesOutput, error) {
	t, err := c.topic("GetTopicAttributes", in.TopicArn)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(t.attributes)
	confirmed, pending := 0, 0
	for _, s := range c.subscriptionsOf(t.arn) {
		if s.pending {
			pending++
		} else {
			confirmed++
		}
	}
	out["TopicArn"], out["Owner"] = t.arn, t.owner
	out["SubscriptionsConfirmed"], out["SubscriptionsPending"], out["SubscriptionsDeleted"] = strconv.Itoa(confirmed), strconv.Itoa(pending), "0"
	if _, ok := out["DisplayName"]; !ok {
		out["DisplayName"] = ""
	}
	return &sns.GetTopicAttributesOutput{Attributes: out}, nil
}

func setTopicAttributes(c *call, in *sns.SetTopicAttributesInput) (*sns.SetTopicAttributesOutput, error) {
	t, err := c.topic("SetTopicAttributes", in.TopicArn)
	if err != nil {
		return nil, err
	}
	name, value := aws.ToString(in.AttributeName), aws.ToString(in.AttributeValue)
	if !slices.Contains([]string{"DeliveryPolicy", "DisplayName", "Policy", "KmsMasterKeyId", "TracingConfig", "SignatureVersion"}, name) {
		return nil, fail("InvalidParameter", "Invalid parameter: AttributeName")
	}
	if name == "Policy" && !json.Valid([]byte(value)) {
		return nil, fail("InvalidParameter", "Invalid parameter: Policy Error: null")
	}
	t.attributes[name] = value
	return nil, nil
}

// subscriptionsOf are a topic's, whoever owns them, by ARN.
func (c *call) subscriptionsOf(topicARN string) []*subscription {
	var all []*subscription
	for _, s := range c.topics.m {
		for _, x := range s.subscriptions {
			if x.topic == topicARN {
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, func(a, b *subscription) int { return strings.Compare(a.arn, b.arn) })
	return all
}

// subscribe: what answers by itself (Lambda, SQS, Firehose) is confirmed at once; what a
// person or a foreign server must confirm waits.
func subscribe(c *call, in *sns.SubscribeInput) (*sns.SubscribeOutput, error) {
	t, err := c.topic("Subscribe", in.TopicArn)
	if err != nil {
		return nil, err
	}
	protocol, endpoint := aws.ToString(in.Protocol), aws.ToString(in.Endpoint)
	if !slices.Contains([]string{"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"}, protocol) {
		return nil, fail("InvalidParameter", "Invalid parameter: Does not support this protocol string: %s", protocol)
	}
	if a, ok := parseARN(endpoint); (protocol == "lambda" || protocol == "sqs") && (!ok || a.service != protocol) {
		return nil, fail("InvalidParameter", "Invalid parameter: %s endpoint ARN", protocol)
	}
	for _, s := range c.subscriptionsOf(t.arn) {
		if s.protocol == protocol && s.endpoint == endpoint {
			return &sns.SubscribeOutput{SubscriptionArn: s.shownARN(in.ReturnSubscriptionArn)}, nil
		}
	}
	s := &subscription{arn: t.arn + ":" + c.id("uuid", t.arn, protocol, endpoint), topic: t.arn, owner: c.accountID, protocol: protocol, endpoint: endpoint,
		principal: c.caller.arn, attributes: maps.Clone(in.Attributes), pending: !slices.Contains([]string{"lambda", "sqs", "firehose", "application", "sms"}, protocol)}
	if s.attributes == nil {
		s.attributes = map[string]string{}
	}
	c.sns().subscriptions[s.arn] = s
	c.trail.resources = []trailResource{{t.arn, "AWS::SNS::Topic"}}
	return &sns.SubscribeOutput{SubscriptionArn: s.shownARN(in.ReturnSubscriptionArn)}, nil
}

// subscription finds one by ARN: TOPIC:UUID, in whichever account owns it.
func (c *call) subscription(action string, arn *string) (*subscription, error) {
	id := aws.ToString(arn)
	topicARN := id
	if i := strings.LastIndexByte(id, ':'); i > 0 {
		topicARN = id[:i]
	}
	if err := c.allow("sns:"+action, topicARN); err != nil {
		return nil, err
	}
	for _, s := range c.subscriptionsOf(topicARN) {
		if s.arn == id {
			return s, nil
		}
	}
	return nil, fail("NotFound", "Subscription does not exist")
}

func unsubscribe(c *call, in *sns.UnsubscribeInput) (*sns.UnsubscribeOutput, error) {
	s, err := c.subscription("Unsubscribe", in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	a, _ := parseARN(s.topic)
	delete(c.topics.at(s.owner, a.region, newSNSState).subscriptions, s.arn)
	return nil, nil
}

func listSubscriptions(c *call, in *sns.ListSubscriptionsInput) (*sns.ListSubscriptionsOutput, error) {
	if err := c.allow("sns:ListSubscriptions", c.arn("sns", "*")); err != nil {
		return nil, err
	}
	own := c.sns().subscriptions
	var all []nt.Subscription
	for _, arn := range sortedNames(own) {
		all = append(all, own[arn].shown())
	}
	page, next, err := paginate(all, in.NextToken, nil, 100)
	return &sns.ListSubscriptionsOutput{Subscriptions: page, NextToken: next}, err
}

func listSubscriptionsByTopic(c *call, in *sns.ListSubscriptionsByTopicInput) (*sns.ListSubscriptionsByTopicOutput, error) {
	t, err := c.topic("ListSubscriptionsByTopic", in.TopicArn)
	if err != nil {
		return nil, err
	}
	var all []nt.Subscription
	for _, s := range c.subscriptionsOf(t.arn) {
		all = append(all, s.shown())
	}
	page, next, err := paginate(all, in.NextToken, nil, 100)
	return &sns.ListSubscriptionsByTopicOutput{Subscriptions: page, NextToken: next}, err
}

func getSubscriptionAttributes(c *call, in *sns.GetSubscriptionAttributesInput) (*sns.GetSubscriptionAttributesOutput, error) {
	s, err := c.subscription("GetSubscriptionAttributes", in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	out := map[string]string{"SubscriptionArn": s.arn, "TopicArn": s.topic, "Owner": s.owner, "Protocol": s.protocol, "Endpoint": s.endpoint, "SubscriptionPrincipal": s.principal,
		"PendingConfirmation": strconv.FormatBool(s.pending), "ConfirmationWasAuthenticated": strconv.FormatBool(!s.pending), "RawMessageDelivery": "false"}
	maps.Copy(out, s.attributes)
	return &sns.GetSubscriptionAttributesOutput{Attributes: out}, nil
}

func setSubscriptionAttributes(c *call, in *sns.SetSubscriptionAttributesInput) (*sns.SetSubscriptionAttributesOutput, error) {
	s, err := c.subscription("SetSubscriptionAttributes", in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.AttributeName)
	if !slices.Contains([]string{"DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "SubscriptionRoleArn"}, name) {
		return nil, fail("InvalidParameter", "Invalid parameter: AttributeName")
	}
	if s.attributes[name] = aws.ToString(in.AttributeValue); s.attributes[name] == "" {
		delete(s.attributes, name)
	}
	return nil, nil
}

func listTopicTags(c *call, in *sns.ListTagsForResourceInput) (*sns.ListTagsForResourceOutput, error) {
	t, err := c.topic("ListTagsForResource", in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &sns.ListTagsForResourceOutput{}
	for _, k := range sortedNames(t.tags) {
		out.Tags = append(out.Tags, nt.Tag{Key: aws.String(k), Value: aws.String(t.tags[k])})
	}
	return out, nil
}

func tagTopic(c *call, in *sns.TagResourceInput) (*sns.TagResourceOutput, error) {
	t, err := c.topic("TagResource", in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, tag := range in.Tags {
		t.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return nil, nil
}

func untagTopic(c *call, in *sns.UntagResourceInput) (*sns.UntagResourceOutput, error) {
	t, err := c.topic("UntagResource", in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, k := range in.TagKeys {
		delete(t.tags, k)
	}
	return nil, nil
}
