package fleetjob

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
)

// PerMessage is how many functions go into one message where nothing else is said: few enough that
// what a worker was at when it died is soon done again, and many enough that what AWS lists for a
// whole region is listed seldom.
const PerMessage = 25

// Split makes the jobs of a fleet. like is what they have in common. They come in an order in which
// those that follow each other are of different accounts, as far as there are some: each worker then
// has an account of its own, with the quotas that go with it.
func Split(like Job, targets []collect.Target, perMessage int) ([]Job, error) {
	like.Schema, like.Asked, like.Until = Schema, like.Asked.UTC().Truncate(time.Millisecond), like.Until.UTC().Truncate(time.Second)
	targets = slices.Clone(targets)
	slices.SortFunc(targets, func(a, b collect.Target) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Function, b.Function))
	})
	targets = slices.CompactFunc(targets, func(a, b collect.Target) bool { return a.ARN == b.ARN })
	most := min(max(perMessage, 1), MaxFunctions)
	var accounts [][]Job
	var last *Job
	for _, t := range targets {
		switch {
		case last == nil || last.Account != t.Account:
			accounts = append(accounts, nil)
			fallthrough
		case last.Region != t.Region || len(last.Functions) == most:
			j := like
			j.Account, j.Region, j.Functions = t.Account, t.Region, nil
			of := &accounts[len(accounts)-1]
			*of = append(*of, j)
			last = &(*of)[len(*of)-1]
		}
		last.Functions = append(last.Functions, t.Function)
	}
	var out []Job
	for round, some := 0, true; some; round++ {
		some = false
		for _, jobs := range accounts {
			if round >= len(jobs) {
				continue
			}
			some = true
			j := jobs[round]
			if err := j.sign(); err != nil {
				return nil, err
			}
			if err := j.check(j.Asked); err != nil {
				return nil, fmt.Errorf("a job of account %s in %s: %w", j.Account, j.Region, err)
			}
			out = append(out, j)
		}
	}
	return out, nil
}
