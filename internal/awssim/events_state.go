package awssim

import (
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// eventsState is EventBridge in one account and region. The default bus is always there.
type eventsState struct{ buses map[string]*bus }

func newEventsState() *eventsState {
	return &eventsState{buses: map[string]*bus{"default": newBus("default")}}
}

type bus struct {
	name, description string
	rules             map[string]*rule
	tags              map[string]string
}

func newBus(name string) *bus {
	return &bus{name: name, rules: map[string]*rule{}, tags: map[string]string{}}
}

type rule struct {
	config    et.Rule
	createdBy string
	targets   []et.Target // in the order of putting
	tags      map[string]string
}

func (s *eventsState) objects(account, region string, put putObject) {
	for bn, b := range s.buses {
		at := "events/" + account + "/" + region + "/" + bn
		// The default bus is there in every region, looked at or not.
		if bn != "default" || b.description != "" || len(b.tags) > 0 {
			put(at, map[string]any{"description": b.description, "tags": b.tags}, nil)
		}
		for rn, r := range b.rules {
			// A colon, because a bus's name may hold slashes and no colon.
			put(at+":"+rn, map[string]any{"config": r.config, "targets": r.targets, "tags": r.tags}, nil)
		}
	}
}
