package collect

import (
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// skews keeps, for each endpoint, the largest difference seen between the local
// clock and the endpoint's Date header.
type skews struct {
	mu sync.Mutex
	by map[string]time.Duration
}

func newSkews() *skews { return &skews{by: map[string]time.Duration{}} }

func (s *skews) note(x awsapi.Exchange) {
	if x.Host == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if had, ok := s.by[x.Host]; !ok || x.Skew.Abs() > had.Abs() {
		s.by[x.Host] = x.Skew
	}
}

func (s *skews) milliseconds() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64, len(s.by))
	for host, d := range s.by {
		out[host] = d.Milliseconds()
	}
	return out
}
