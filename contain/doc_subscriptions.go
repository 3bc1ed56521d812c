package contain

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// subscription is whether an endpoint is subscribed to a topic (Place.Key:
// TOPIC-ARN:subscription/PROTOCOL/ENDPOINT), and how. Its own ARN ends with it, so that it
// names nothing here.
type subscription struct {
	There      bool              `json:"there"`
	Attributes map[string]string `json:"attributes,omitempty"` // those that Subscribe can set
}

const (
	docSubscription   = "sns.subscription"
	partSubscriptions = "subscriptions"
	partSubscription  = "subscription"
	subscriptionMark  = ":subscription/"
)

func subscriptionKey(topic, protocol, endpoint string) string {
	return topic + subscriptionMark + protocol + "/" + endpoint
}

// subscriptionOf is the other way round.
func subscriptionOf(key string) (topic, protocol, endpoint string) {
	topic, rest, _ := strings.Cut(key, subscriptionMark)
	protocol, endpoint, _ = strings.Cut(rest, "/")
	return topic, protocol, endpoint
}

func subscriptionActs() []Act {
	return Define(Doc[subscription]{
		Name: docSubscription,
		Needs: []awsapi.Need{
			does("SNS:ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", "topic ARN", false),
			when(does("SNS:ListSubscriptions", "sns:ListSubscriptions", "*", false), "the topic is another account's"),
			does("SNS:GetSubscriptionAttributes", "sns:GetSubscriptionAttributes", "topic ARN", false),
			does("SNS:Unsubscribe", "sns:Unsubscribe", "topic ARN", true),
			when(does("SNS:Subscribe", "sns:Subscribe", "topic ARN", true), "lifting"),
		},
		Resource: func(p Place) string { topic, _, _ := subscriptionOf(p.Key); return topic },
		Read:     readSubscription,
		Steps:    subscriptionSteps,
	}, forGood(subscriptionEdit(), actSubscriptionsEvict, "take a hostile subscription off its SNS topic for good, whoever it delivers to", Fixture{Named: "subscription"})...)
}

func subscriptionEdit() Edit[subscription] {
	return Edit[subscription]{
		Name:  actSubscriptions,
		About: "unsubscribe the function from SNS topics",
		Lossy: "a subscription is made anew: its ARN is another one, and messages of the time between are not delivered later; " +
			"one by e-mail or HTTP has to be confirmed by its endpoint, and has no attributes until then",
		LosesState: []string{"sns/*/subscription/*"},
		Kind:       Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "subscription"}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				return Found[[]string](s, partSubscription)
			}
			var keys []string
			for _, x := range Found[[]snstypes.Subscription](s, partSubscriptions) {
				keys = append(keys, subscriptionKey(aws.ToString(x.TopicArn), aws.ToString(x.Protocol), aws.ToString(x.Endpoint)))
			}
			return keys
		},
		Parts: []string{partSubscriptions, partSubscription}, Looks: []Part{subscriptionLook(), oneSubscriptionLook()},
		Apply: func(Place, subscription, Params) (subscription, error) { return subscription{}, nil },
		Destroys: func(p Place, _ subscription) []Artefact {
			if p.Kind == OnResource {
				return nil
			}
			return []Artefact{{Name: "sns.subscriptions", ARN: p.ARN}}
		},
		Breaks: func(_ *Survey, before map[string]subscription) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				topic, protocol, endpoint := subscriptionOf(key)
				all = append(all, Impact{What: "trigger", Resource: topic, Detail: "no longer delivers to " + protocol + " " + endpoint})
			}
			return all
		},
	}
}

func snsClient(cfg aws.Config) *sns.Client { return sns.NewFromConfig(cfg) }

// settable are the attributes that Subscribe takes. What AWS shows of itself beside them is
// left out, and so is a default.
func settable(all map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "SubscriptionRoleArn", "ReplayPolicy"} {
		if v := all[name]; v != "" && !(name == "RawMessageDelivery" && v == "false") {
			out[name] = v
		}
	}
	if out["FilterPolicy"] == "" { // shown also where nothing is filtered, and then not to be set
		delete(out, "FilterPolicyScope")
	}
	return out
}

// readSubscription gives the ARN of the moment as token.
func readSubscription(ctx context.Context, cfg aws.Config, p Place) (subscription, Token, error) {
	topic, protocol, endpoint := subscriptionOf(p.Key)
	c := snsClient(cfg)
	list := func(m *string) ([]snstypes.Subscription, *string, error) {
		out, err := c.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: &topic, NextToken: m})
		if err != nil {
			return nil, nil, err
		}
		return out.Subscriptions, out.NextToken, nil
	}
	if accountOf(topic) != p.Account { // only its owner may list a topic's; the own ones everybody may
		list = func(m *string) ([]snstypes.Subscription, *string, error) {
			out, err := c.ListSubscriptions(ctx, &sns.ListSubscriptionsInput{NextToken: m})
			if err != nil {
				return nil, nil, err
			}
			return out.Subscriptions, out.NextToken, nil
		}
	}
	arn, there := "", false
	err := pages(func(m *string) (*string, error) {
		page, next, err := list(m)
		for _, x := range page {
			if aws.ToString(x.TopicArn) == topic && aws.ToString(x.Protocol) == protocol && aws.ToString(x.Endpoint) == endpoint {
				arn, there = aws.ToString(x.SubscriptionArn), true
			}
		}
		return next, err
	})
	if err != nil || !there || !strings.HasPrefix(arn, "arn:") { // one that waits to be confirmed has no ARN, and no attributes yet
		return subscription{There: there}, "", err
	}
	out, err := c.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	if err != nil {
		return subscription{}, "", err
	}
	return subscription{There: true, Attributes: settable(out.Attributes)}, Token(arn), nil
}

// subscriptionSteps subscribes with all attributes in one call: no message goes out unfiltered.
func subscriptionSteps(p Place, now, to subscription, tok Token) []Step {
	topic, protocol, endpoint := subscriptionOf(p.Key)
	switch {
	case now.There && to.There:
		return nil // somebody subscribed it meanwhile, in another way
	case to.There:
		in := &sns.SubscribeInput{TopicArn: &topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: to.Attributes, ReturnSubscriptionArn: true}
		return []Step{{"SNS:Subscribe", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := snsClient(cfg).Subscribe(ctx, in)
			return err
		}}}
	}
	shown := map[string]string{"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint} // its ARN is read just before
	return []Step{{"SNS:Unsubscribe", shown, func(ctx context.Context, cfg aws.Config) error {
		_, err := snsClient(cfg).Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: orNil(string(tok))})
		return err
	}}}
}

func subscriptionLook() Part {
	return Look(Part{Name: partSubscriptions, Needs: []awsapi.Need{does("SNS:ListSubscriptions", "sns:ListSubscriptions", "*", false)}},
		func(ctx context.Context, cfg aws.Config, s *Survey) (mine []snstypes.Subscription, err error) {
			err = pages(func(m *string) (*string, error) {
				out, err := snsClient(cfg).ListSubscriptions(ctx, &sns.ListSubscriptionsInput{NextToken: m})
				if err != nil {
					return nil, err
				}
				for _, x := range out.Subscriptions {
					if _, ours := s.calledAs(aws.ToString(x.Endpoint)); ours {
						mine = append(mine, x)
					}
				}
				return out.NextToken, nil
			})
			return mine, err
		}, func(s *Survey, found []snstypes.Subscription) []Caller {
			var all []Caller
			for _, x := range found {
				q, _ := s.calledAs(aws.ToString(x.Endpoint))
				all = append(all, Caller{Kind: "topic", Name: aws.ToString(x.TopicArn), Qualifier: q, Detail: "subscription " + roleName(aws.ToString(x.SubscriptionArn)),
					Doc: docSubscription, Key: subscriptionKey(aws.ToString(x.TopicArn), aws.ToString(x.Protocol), aws.ToString(x.Endpoint))})
			}
			return all
		})
}

// oneSubscriptionLook finds out what a subscription that is a target itself delivers to whom.
func oneSubscriptionLook() Part {
	return Look(Part{Name: partSubscription, On: []TargetKind{OnResource}, Needs: []awsapi.Need{does("SNS:GetSubscriptionAttributes", "sns:GetSubscriptionAttributes", "topic ARN", false)}},
		func(ctx context.Context, cfg aws.Config, s *Survey) ([]string, error) {
			if parts := strings.Split(s.ARN, ":"); len(parts) != 7 || parts[2] != "sns" {
				return nil, nil
			}
			out, err := snsClient(cfg).GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &s.ARN})
			if err != nil {
				return nil, err
			}
			return []string{subscriptionKey(out.Attributes["TopicArn"], out.Attributes["Protocol"], out.Attributes["Endpoint"])}, nil
		}, nil)
}
