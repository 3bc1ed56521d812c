package awssim

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	nt "github.com/aws/aws-sdk-go-v2/service/configservice/types"
)

// configState is AWS Config in one account and region.
type configState struct {
	recorder         *nt.ConfigurationRecorder
	recording        bool
	started, stopped time.Time
	items            map[configKey][]nt.ConfigurationItem // oldest first
}

// configKey is a resource as Config names it: a function by its name, a role by its unique id.
type configKey struct{ kind, id string }

func newConfigState() *configState {
	return &configState{items: map[configKey][]nt.ConfigurationItem{}}
}

func (s *configState) keys() []configKey {
	return slices.SortedFunc(maps.Keys(s.items), func(a, b configKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
}

// StageConfigItem lets Config have recorded a state of a resource, whose type and id it
// must name. What an item must have and item lacks is filled in: account, region, status,
// times, state id, version.
func (c *Cloud) StageConfigItem(account, region string, item nt.ConfigurationItem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.config.at(account, region, newConfigState)
	k := configKey{string(item.ResourceType), aws.ToString(item.ResourceId)}
	fill := func(p **string, v string) {
		if *p == nil {
			*p = &v
		}
	}
	if item.ConfigurationItemCaptureTime == nil {
		item.ConfigurationItemCaptureTime = aws.Time(c.cfg.Clock.Now().UTC().Truncate(time.Millisecond))
	}
	if item.ConfigurationItemStatus == "" {
		item.ConfigurationItemStatus = nt.ConfigurationItemStatusOk
	}
	fill(&item.AccountId, account)
	fill(&item.AwsRegion, region)
	fill(&item.ConfigurationStateId, strconv.FormatInt(item.ConfigurationItemCaptureTime.UnixMilli(), 10))
	fill(&item.Version, "1.3")
	s.items[k] = append(slices.Clone(s.items[k]), item)
	slices.SortStableFunc(s.items[k], func(a, b nt.ConfigurationItem) int {
		return a.ConfigurationItemCaptureTime.Compare(*b.ConfigurationItemCaptureTime)
	})
}

func (s *configState) objects(account, region string, put putObject) {
	at := "config/" + account + "/" + region + "/"
	if s.recorder != nil {
		put(at+"recorder", map[string]any{"recorder": s.recorder, "recording": s.recording}, []time.Time{s.started.UTC(), s.stopped.UTC()})
	}
	for k, items := range s.items {
		put(at+k.kind+"/"+k.id, items, nil)
	}
}
