package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
)

// Outbox tells targets, and writes on a board what is to be told and what was. Records, by the id of
// the notice:
//
//	notices/due/ID                   what is to be told, to whom: before it is told
//	notices/tries/ID/TARGET/NNNN     somebody tries, for the NNNNth time: whoever has the number does
//	notices/failed/ID/TARGET/NNNN    that try failed, and why
//	notices/sent/ID/TARGET
//	notices/done/ID                  everybody was told, or is given up
//
// The same notice is told once, whoever comes to it and however often; after a try that was cut off
// it may be told twice.
type Outbox struct {
	Board   *board.Board
	Targets []Target
	// Session is for topics.
	Session func(ctx context.Context) (*awsapi.Session, error)
	Now     func() time.Time
	// Warn hears what could not be told; nil: nobody.
	Warn func(err error)
}

const (
	maxTries = 16             // the last about eleven hours after the first
	tooOld   = 48 * time.Hour // what was to be told by somebody who is no more
	quick    = 3              // within one try
	letGo    = 10 * time.Second
)

// due is what is to be told.
type due struct {
	Notice  Notice    `json:"notice"`
	Targets []string  `json:"targets"`
	At      time.Time `json:"at"`
}

// try is one try, and how it ended.
type try struct {
	At  time.Time `json:"at"`
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
}

// Tell notes a notice and sends it. What cannot be delivered is no error: it is noted, Sweep tries
// again. An error means that it could not even be noted.
func (o *Outbox) Tell(ctx context.Context, n Notice) error {
	if len(o.Targets) == 0 {
		return nil
	}
	d := due{Notice: n.bounded(), At: o.Now().UTC()}
	for _, t := range o.Targets {
		d.Targets = append(d.Targets, t.Name)
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo) // whoever is told to stop leaves it to others
	defer cancel()
	switch err := o.Board.Put(noting, "notices/due/"+n.ID, d); {
	case errors.Is(err, board.ErrTaken):
		return nil // it is told already, or will be by a sweep
	case err != nil:
		return errors.Join(fmt.Errorf("noting what is to be told: %w", err), o.unnoted(ctx, n))
	}
	_, err := o.deliver(ctx, n.ID, d)
	return err
}

// unnoted tells what could not be noted: better twice than not at all.
func (o *Outbox) unnoted(ctx context.Context, n Notice) error {
	var errs []error
	for _, t := range o.Targets {
		errs = append(errs, o.send(ctx, t, n))
	}
	return errors.Join(errs...)
}

// Sweep sends again what is due. It is for every worker, once a minute.
func (o *Outbox) Sweep(ctx context.Context) error {
	ids, err := o.Open(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		var d due
		if err := o.Board.Get(ctx, "notices/due/"+id, &d); err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := o.deliver(ctx, id, d); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Open are the ids of notices that not everybody was told of.
func (o *Outbox) Open(ctx context.Context) ([]string, error) {
	all, err := o.Board.Names(ctx, "notices/due/")
	if err != nil {
		return nil, err
	}
	done, err := o.Board.Names(ctx, "notices/done/")
	if err != nil {
		return nil, err
	}
	is := make(map[string]bool, len(done))
	for _, id := range done {
		is[id] = true
	}
	return slices.DeleteFunc(all, func(id string) bool { return is[id] }), nil
}

// deliver sends a notice to those who were not told of it and whose turn it is. done: nobody is left.
func (o *Outbox) deliver(ctx context.Context, id string, d due) (done bool, err error) {
	left := 0
	var errs []error
	for _, name := range d.Targets {
		told, err := o.turn(ctx, id, name, d)
		if err != nil {
			errs = append(errs, err)
		}
		if !told {
			left++
		}
	}
	if left > 0 {
		return false, errors.Join(errs...)
	}
	if err := o.Board.Put(ctx, "notices/done/"+id, try{At: o.Now().UTC(), By: o.Board.Who()}); err != nil && !errors.Is(err, board.ErrTaken) {
		errs = append(errs, err)
	}
	return true, errors.Join(errs...)
}

// turn makes the next try for one target, if it is time for it. settled: it was told, or is given up.
func (o *Outbox) turn(ctx context.Context, id, name string, d due) (settled bool, err error) {
	switch err := o.Board.Get(ctx, "notices/sent/"+id+"/"+name, &try{}); {
	case err == nil:
		return true, nil
	case !errors.Is(err, board.ErrNone):
		return false, err
	}
	i := slices.IndexFunc(o.Targets, func(t Target) bool { return t.Name == name })
	if i < 0 { // somebody else's, who may be no more
		return o.Now().Sub(d.At) > tooOld, nil
	}
	tries := "notices/tries/" + id + "/" + name + "/"
	made, err := o.Board.Names(ctx, tries)
	if err != nil {
		return false, err
	}
	n := len(made) + 1
	if n > 1 {
		var last try
		if err := o.Board.Get(ctx, tries+made[len(made)-1], &last); err != nil {
			return false, err
		}
		if o.Now().Sub(last.At) < pause(n-1) {
			return false, nil
		}
	}
	if n > maxTries {
		return true, nil
	}
	now := try{At: o.Now().UTC(), By: o.Board.Who()}
	number := fmt.Sprintf("%04d", n)
	switch err := o.Board.Put(ctx, tries+number, now); {
	case errors.Is(err, board.ErrTaken):
		return false, nil // somebody else is at it
	case err != nil:
		return false, err
	}
	if err := o.send(ctx, o.Targets[i], d.Notice); err != nil {
		now.Why = shown(err.Error(), maxText)
		return false, o.Board.Put(context.WithoutCancel(ctx), "notices/failed/"+id+"/"+name+"/"+number, now)
	}
	err = o.Board.Put(context.WithoutCancel(ctx), "notices/sent/"+id+"/"+name, now)
	return true, err
}

// pause is how long after its nth try a target is left alone: a minute, two, four, at most an hour.
func pause(n int) time.Duration { return min(time.Minute<<min(n-1, 10), time.Hour) }

// send tells a target, a few times where it was not refused.
func (o *Outbox) send(ctx context.Context, t Target, n Notice) (err error) {
	for i := range quick {
		if i > 0 {
			select {
			case <-ctx.Done():
				return cmp.Or(err, context.Cause(ctx))
			case <-time.After(time.Duration(i) * time.Second):
			}
		}
		if err = t.send(ctx, n, o.Session); err == nil || errors.Is(err, ErrRefused) {
			break
		}
	}
	if err != nil && o.Warn != nil {
		o.Warn(fmt.Errorf("%s was not told: %w", t.Name, err))
	}
	return err
}

// Undelivered are the targets that could not be told, by notice: those that wait, and those given up.
type Undelivered struct {
	Open  int `json:"open"`   // notices that wait for another try
	Never int `json:"never"`  // given up: told nobody, or not everybody
	Tries int `json:"failed"` // tries that failed
}

// Count reads from a board how its notices stand.
func Count(ctx context.Context, b *board.Board) (Undelivered, error) {
	var u Undelivered
	ids, err := (&Outbox{Board: b}).Open(ctx)
	if err != nil {
		return u, err
	}
	u.Open = len(ids)
	failed, err := b.Names(ctx, "notices/failed/")
	if err != nil {
		return u, err
	}
	u.Tries = len(failed)
	last := fmt.Sprintf("/%04d", maxTries)
	for _, name := range failed {
		if strings.HasSuffix(name, last) {
			u.Never++
		}
	}
	return u, nil
}
