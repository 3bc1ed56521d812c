package contain

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Part is something more that planning asks the account for, once for each target of its
// kind. An act brings it along (Edit.Looks). One that finds callers is asked for in
// every plan, so that no road to the function is overlooked; any other where its act is
// wanted. What cannot be read is a warning of the plan, and its acts are not wholly planned.
type Part struct {
	Name  string       // "event rules", for people
	On    []TargetKind // nil: functions
	Needs []awsapi.Need

	read    func(ctx context.Context, cfg aws.Config, s *Survey) (any, error)
	callers func(s *Survey) []Caller
}

// Look makes a part: read gives what it found, callers (or nil) the roads to the function
// that are among it. cfg is of the target's region.
func Look[T any](p Part, read func(ctx context.Context, cfg aws.Config, s *Survey) (T, error), callers func(s *Survey, found T) []Caller) Part {
	if len(p.On) == 0 {
		p.On = []TargetKind{OnFunction}
	}
	p.read = func(ctx context.Context, cfg aws.Config, s *Survey) (any, error) { return read(ctx, cfg, s) }
	if callers != nil {
		p.callers = func(s *Survey) []Caller { return callers(s, Found[T](s, p.Name)) }
	}
	return p
}

// Found is what a part found on a target: the zero value where it was not read.
func Found[T any](s *Survey, part string) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, _ := s.found[part].(T)
	return found
}

// parts are those of the acts, each once: those with callers, and those of wanted acts.
func looks(wanted func(Act) bool) []Part {
	var all []Part
	for _, a := range catalogue() {
		for _, p := range a.looks {
			again := slices.ContainsFunc(all, func(o Part) bool { return o.Name == p.Name })
			if !again && (p.callers != nil || wanted(a)) {
				all = append(all, p)
			}
		}
	}
	return all
}

// look asks for the parts that a target of this kind has.
func (v *Survey) look(ctx context.Context, s *awsapi.Session, parts []Part) {
	var all sync.WaitGroup
	for _, p := range parts {
		if !slices.Contains(p.On, v.Kind) {
			continue
		}
		all.Go(func() {
			found, err := p.read(ctx, s.Config(v.Region, p.Needs), v)
			v.note(p.Name, err)
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.found == nil {
				v.found = map[string]any{}
			}
			v.found[p.Name] = found // also what came before it failed
		})
	}
	all.Wait()
}
