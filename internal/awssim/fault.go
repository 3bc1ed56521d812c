package awssim

import (
	"strings"
	"time"
)

// armedFault is a fault and how often its call has been seen.
type armedFault struct {
	Fault
	seen int
}

// Inject adds faults; each counts calls from now on.
func (c *Cloud) Inject(faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range faults {
		c.core.faults = append(c.core.faults, &armedFault{Fault: f})
	}
}

// ClearFaults removes all of them.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.faults, c.core.struck = nil, nil
}

// failing says that the fault keeps the answer from being what it was.
func (f *armedFault) failing() bool { return f.Fail.Code != "" || f.Fail.Drop || f.Fail.Throttled }

// due counts a call and says whether it is the one.
func (f *armedFault) due() bool {
	f.seen++
	return f.Nth == 0 || f.seen == f.Nth || f.On && f.seen > f.Nth
}

// apiName is an operation as callers declare it: the SDK's name of the service, without spaces.
func (s *factService) apiName(operation string) string {
	return strings.ReplaceAll(s.id, " ", "") + ":" + operation
}

// arm picks the faults that name this operation. Those with a resource wait
// until permission for it is asked; the others are counted now.
func (k *call) arm() {
	name := k.wire.target.service.apiName(k.wire.target.opName)
	for _, f := range k.core.faults {
		if !strings.EqualFold(f.Op, name) {
			continue
		}
		if f.Resource == "" {
			if f.due() {
				k.wire.due = append(k.wire.due, f)
				k.wire.delay += f.Fail.Delay
				if !f.Fail.SameToken { // that strikes an answer
					k.struck()
				}
			}
			continue
		}
		k.wire.waiting = append(k.wire.waiting, f)
	}
	k.loopPages()
}

// faultBefore is the fault that keeps the operation from running, or nil.
func (k *call) faultBefore() *armedFault {
	for _, f := range k.wire.due {
		if !f.AfterEffect && f.failing() {
			return f
		}
	}
	return nil
}

// faultAfter is the fault that loses the reply, or nil.
func (k *call) faultAfter() *armedFault {
	for _, f := range k.wire.due {
		if f.AfterEffect && f.failing() {
			return f
		}
	}
	return nil
}

// asked notes that the running operation asks permission for action on
// resource, and gives the fault that waits for that resource: allow must return
// that error instead of deciding.
func (k *call) asked(_, resource string) error {
	k.wire.asked = append(k.wire.asked, resource)
	var fired error
	left := k.wire.waiting[:0:0]
	for _, f := range k.wire.waiting {
		if !strings.Contains(resource, f.Resource) {
			left = append(left, f)
			continue
		}
		if !f.due() {
			continue
		}
		k.wire.due = append(k.wire.due, f)
		k.wire.delay += f.Fail.Delay
		k.struck()
		if !f.AfterEffect && f.failing() && k.wire.fired == nil {
			k.wire.fired = f
			fired = k.errorOf(f)
		}
	}
	k.wire.waiting = left
	return fired
}

// errorOf is the error that a fault makes of its call.
func (k *call) errorOf(f *armedFault) *apiError {
	switch {
	case f.Fail.Drop:
		return fail("ConnectionDropped", "injected")
	case f.Fail.Throttled:
		return rateExceeded(k.wire.target.service.name)
	}
	return &apiError{Code: f.Fail.Code, Message: f.Fail.Message, Status: f.Fail.Status}
}

// broken answers a call that a fault kept from happening. A connection that
// drops before the service saw the request leaves no record.
func (k *call) broken(f *armedFault) (*response, time.Duration, bool) {
	if f.Fail.Drop {
		return nil, k.wire.delay, true
	}
	return k.failed(k.errorOf(f)), k.wire.delay, false
}

// brokenAfter loses the reply of a call that was done, and recorded as done.
func (k *call) brokenAfter(f *armedFault) (*response, time.Duration, bool) {
	if f.Fail.Drop {
		return nil, k.wire.delay, true
	}
	return k.errorResponse(k.errorOf(f)), k.wire.delay, false
}

// callState is what the core keeps of one call.
type callState struct {
	target  target
	body    *bodyOf
	in, out fields
	inErr   error         // why there is no in
	asked   []string      // the resources that permission was asked for
	due     []*armedFault // that strike this call
	waiting []*armedFault // for their resource
	fired   *armedFault   // through asked
	delay   time.Duration
	looped  *pageMembers // the answer's token is always the same
	failure *apiError    // that the answer tells
}
