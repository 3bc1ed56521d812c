package awssim

import "time"

// queryRun is a query under way, of Athena or of CloudTrail Lake.
type queryRun struct {
	at, stopped time.Time
	result      *sqlResult
	failed      string // why
}

type queryPhase int

const (
	queryRunning queryPhase = iota
	queryDone
	queryFailed
	queryStopped
)

// phase is how far it is: what it has read grows with the time that it runs.
func (r *queryRun) phase(now time.Time, takes time.Duration) (p queryPhase, scanned int64) {
	end := now
	if !r.stopped.IsZero() {
		end = r.stopped
	}
	gone := end.Sub(r.at)
	switch {
	case gone >= takes && r.failed != "":
		return queryFailed, r.result.scanned
	case gone >= takes:
		return queryDone, r.result.scanned
	}
	scanned = int64(float64(r.result.scanned) * float64(gone) / float64(takes))
	if !r.stopped.IsZero() {
		return queryStopped, scanned
	}
	return queryRunning, scanned
}
