package awssim

import (
	"crypto/rsa"
	"slices"
	"time"

	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// trailsState is CloudTrail's trails in one account and region (their home region).
type trailsState struct {
	trails map[string]*trail
	key    *rsa.PrivateKey // signs digests
	stores map[string]*lakeStore
	runs   map[string]*lakeRun
}

func newTrailsState() *trailsState {
	return &trailsState{trails: map[string]*trail{}, stores: map[string]*lakeStore{}, runs: map[string]*lakeRun{}}
}

type trail struct {
	config           ct.Trail
	selectors        []ct.EventSelector
	advanced         []ct.AdvancedEventSelector
	logging          bool
	started, stopped time.Time
	tags             map[string]string
	delivered        map[string]*delivery // by region
}

func (s *trailsState) objects(account, region string, put putObject) {
	for name, t := range s.trails {
		put("cloudtrail/"+account+"/"+region+"/trail/"+name,
			map[string]any{"config": t.config, "selectors": t.selectors, "advanced": t.advanced, "logging": t.logging, "tags": t.tags},
			[]time.Time{t.started.UTC(), t.stopped.UTC()})
	}
	for id, s := range s.stores {
		put("cloudtrail/"+account+"/"+region+"/eventdatastore/"+id, s.name, s.created)
	}
}

func sortedTags(m map[string]string) []ct.Tag {
	out := []ct.Tag{}
	for _, k := range slices.Sorted(slices.Values(sortedNames(m))) {
		v := m[k]
		out = append(out, ct.Tag{Key: &k, Value: &v})
	}
	return out
}
