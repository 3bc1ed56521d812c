package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// notifications are the functions that a bucket (Place.Key is its ARN) calls, by the ids of
// the entries. A write replaces queues, topics and EventBridge too: those are read just
// before and restated, so that what somebody else changes there stays.
type notifications struct {
	Functions map[string]s3types.LambdaFunctionConfiguration `json:"functions,omitempty"`
}

const (
	docNotifications = "s3.notifications"
	partBuckets      = "bucket notifications"
)

func notificationActs() []Act {
	return Define(Doc[notifications]{
		Name: docNotifications,
		Needs: []awsapi.Need{
			does("S3:GetBucketNotificationConfiguration", "s3:GetBucketNotification", "bucket ARN", false),
			does("S3:PutBucketNotificationConfiguration", "s3:PutBucketNotification", "bucket ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readNotifications,
		Steps:    notificationSteps,
	}, Edit[notifications]{
		Name:  actNotifications,
		About: "take the function out of the notifications of buckets; queues, topics and other functions stay",
		Lossy: "objects that come meanwhile are not announced later; AWS knows no condition on this write: what somebody else changes in the bucket's notifications in the same moment is overwritten",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Keys: func(s *Survey) []string {
			var keys []string
			for _, b := range Found[calledByBuckets](s, partBuckets).Buckets {
				keys = append(keys, b.ARN)
			}
			return keys
		},
		Parts: []string{partBuckets}, Looks: []Part{bucketLook()},
		Apply: func(p Place, s notifications, _ Params) (notifications, error) {
			kept := map[string]s3types.LambdaFunctionConfiguration{}
			for id, f := range s.Functions {
				if _, ours := (&Survey{Target: p.Target}).calledAs(aws.ToString(f.LambdaFunctionArn)); !ours {
					kept[id] = f
				}
			}
			return notifications{kept}, nil
		},
		Destroys: func(p Place, _ notifications) []Artefact {
			return []Artefact{{Name: "s3.notifications", ARN: p.Key}}
		},
		Breaks: func(s *Survey, before map[string]notifications) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				for _, id := range sortedKeys(before[key].Functions) {
					if q, ours := s.calledAs(aws.ToString(before[key].Functions[id].LambdaFunctionArn)); ours {
						all = append(all, Impact{What: "trigger", Resource: key, Detail: fmt.Sprintf("%v no longer call %s", before[key].Functions[id].Events, orLatest(q))})
					}
				}
			}
			return all
		},
	})
}

func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
}

func bucketOf(arn string) *string { return aws.String(arn[strings.LastIndexByte(arn, ':')+1:]) }

func readNotifications(ctx context.Context, cfg aws.Config, p Place) (notifications, Token, error) {
	out, err := s3Client(cfg).GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: bucketOf(p.Key), ExpectedBucketOwner: orNil(p.Account)})
	if err != nil {
		return notifications{}, "", err
	}
	s := notifications{map[string]s3types.LambdaFunctionConfiguration{}}
	for _, f := range out.LambdaFunctionConfigurations {
		slices.Sort(f.Events)
		s.Functions[aws.ToString(f.Id)] = f
	}
	rest, err := json.Marshal(s3types.NotificationConfiguration{QueueConfigurations: out.QueueConfigurations, TopicConfigurations: out.TopicConfigurations, EventBridgeConfiguration: out.EventBridgeConfiguration})
	return s, Token(rest), err
}

// notificationSteps has no destination checked: a queue of somebody else that is gone, or a
// grant that is removed meanwhile, must stop neither the act nor its undoing.
func notificationSteps(p Place, _, to notifications, tok Token) []Step {
	n := &s3types.NotificationConfiguration{}
	if tok != "" && json.Unmarshal([]byte(tok), n) != nil {
		return nil
	}
	shown := []s3types.LambdaFunctionConfiguration{}
	for _, id := range sortedKeys(to.Functions) {
		shown = append(shown, to.Functions[id])
	}
	n.LambdaFunctionConfigurations = shown
	in := &s3.PutBucketNotificationConfigurationInput{Bucket: bucketOf(p.Key), ExpectedBucketOwner: orNil(p.Account), NotificationConfiguration: n, SkipDestinationValidation: aws.Bool(true)}
	return []Step{{"S3:PutBucketNotificationConfiguration", map[string]any{"Bucket": in.Bucket, "SkipDestinationValidation": true, "NotificationConfiguration": map[string]any{"LambdaFunctionConfigurations": shown}},
		func(ctx context.Context, cfg aws.Config) error {
			_, err := s3Client(cfg).PutBucketNotificationConfiguration(ctx, in)
			return err
		}}}
}

// calledByBuckets are the buckets that call the function.
type calledByBuckets struct {
	Buckets []calledByBucket
	Open    bool // a grant names no bucket: there may be more
}

type calledByBucket struct {
	ARN     string
	Entries map[string]string // id -> qualifier
}

func bucketLook() Part {
	needs := append(admittedNeeds(), when(does("S3:GetBucketNotificationConfiguration", "s3:GetBucketNotification", "bucket ARN", false), "a policy admits buckets"))
	return Look(Part{Name: partBuckets, Needs: needs}, lookForBuckets, func(_ *Survey, found calledByBuckets) []Caller {
		var all []Caller
		for _, b := range found.Buckets {
			for _, id := range sortedKeys(b.Entries) {
				all = append(all, Caller{Kind: "bucket", Name: b.ARN, Qualifier: b.Entries[id], Detail: "notification " + id, Doc: docNotifications, Key: b.ARN})
			}
		}
		if found.Open {
			all = append(all, Caller{Kind: "bucket", Name: "any bucket", Detail: "a grant to s3.amazonaws.com names none: which call it cannot be looked up"})
		}
		return all
	})
}

func lookForBuckets(ctx context.Context, cfg aws.Config, s *Survey) (found calledByBuckets, err error) {
	var arns []string
	arns, found.Open, err = s.sourcesOf(ctx, cfg, "s3.amazonaws.com")
	for _, arn := range arns {
		n, _, failed := readNotifications(ctx, cfg, Place{s.Target, arn})
		if failed != nil {
			if !isCode(failed, "NoSuchBucket") && err == nil { // a grant may outlive its bucket
				err = fmt.Errorf("%s: %w", arn, failed)
			}
			continue
		}
		b := calledByBucket{ARN: arn, Entries: map[string]string{}}
		for id, f := range n.Functions {
			if q, ours := s.calledAs(aws.ToString(f.LambdaFunctionArn)); ours {
				b.Entries[id] = q
			}
		}
		if len(b.Entries) > 0 {
			found.Buckets = append(found.Buckets, b)
		}
	}
	return found, err
}
