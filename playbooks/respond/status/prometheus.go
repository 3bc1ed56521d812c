package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// metrics writes the text format of Prometheus, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). No label holds anything that
// somebody else wrote.
type metrics struct {
	w   io.Writer
	err error
}

func (m *metrics) line(format string, args ...any) {
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format, args...)
	}
}

func (m *metrics) head(name, kind, help string) {
	m.line("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m *metrics) gauge(name, help string, v int) {
	m.head(name, "gauge", help)
	m.line("%s %d\n", name, v)
}

func (m *metrics) states(name, kind, help string, by map[respond.State]int) {
	m.head(name, kind, help)
	for _, s := range respond.States() {
		m.line("%s{state=\"%s\"} %d\n", name, string(s), by[s])
	}
}

func (m *metrics) queue(name, help string, c *Counted) {
	if c == nil {
		return
	}
	m.head(name, "gauge", help)
	for _, x := range []struct {
		state string
		n     int
	}{{"visible", c.Visible}, {"in_flight", c.InFlight}, {"delayed", c.Delayed}} {
		m.line("%s{state=\"%s\"} %d\n", name, x.state, x.n)
	}
}

func (m *metrics) seconds(name, help string, t Times) {
	m.head(name, "summary", help)
	for _, q := range []struct {
		q string
		v float64
	}{{"0.5", t.Median}, {"0.95", t.P95}, {"1", t.Max}} {
		v := number(q.v)
		if t.Count == 0 {
			v = "NaN"
		}
		m.line("%s{quantile=\"%s\"} %s\n", name, q.q, v)
	}
	m.line("%s_sum %s\n%s_count %d\n", name, number(t.Sum), name, t.Count)
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// Prometheus writes the status as metrics.
func (s *Status) Prometheus(w io.Writer) error {
	m := &metrics{w: w}
	m.queue("freezeframe_queue_messages", "Messages of the queue of alerts, approximately.", s.Queue)
	m.queue("freezeframe_dead_letter_messages", "Messages that nobody could deal with, in the dead-letter queue, approximately.", s.DeadLetter)
	m.gauge("freezeframe_poisoned_messages", "Messages that nobody could deal with, as far as they were looked at.", len(s.Poisoned))
	m.gauge("freezeframe_cases", "Cases of alerts.", s.Cases)
	m.states("freezeframe_cases_by_state", "gauge", "Cases, by what became of their alert last.", s.States)
	m.states("freezeframe_outcomes_total", "counter", "Answers to alerts, repeats and failures counted each.", s.Outcomes)
	quiet, overdue, confirmed := 0, 0, 0
	for _, c := range s.Busy {
		if c.Quiet {
			quiet++
		}
	}
	for _, d := range s.Due {
		if d.Overdue {
			overdue++
		}
		if d.Confirmed {
			confirmed++
		}
	}
	m.gauge("freezeframe_claims_held", "What somebody is at.", len(s.Busy))
	m.gauge("freezeframe_claims_quiet", "What somebody was at who has not been heard of for longer than a holder may be silent.", quiet)
	m.gauge("freezeframe_approvals_waiting", "Decisions that wait for approval.", len(s.Waiting))
	m.gauge("freezeframe_containments", "Containments that were made without people and have not ended.", len(s.Due))
	m.gauge("freezeframe_containments_confirmed", "Of these, those that people have taken over.", confirmed)
	m.gauge("freezeframe_containments_overdue", "Of these, those that should have ended.", overdue)
	m.gauge("freezeframe_notices_waiting", "Notices that could not be delivered yet.", s.Notices.Open)
	m.gauge("freezeframe_notices_given_up", "Notices that could not be delivered to somebody, and are given up.", s.Notices.Never)
	halted := 0
	if s.Halted != nil {
		halted = 1
	}
	m.gauge("freezeframe_halted", "1 while all that is unattended is halted.", halted)
	m.gauge("freezeframe_status_unseen", "What this status could not look at.", len(s.Unseen))
	m.seconds("freezeframe_time_to_first_evidence_seconds", "From an alert's arrival to the first sealed evidence, over cases; the quantile 1 is the longest.", s.ToEvidence)
	m.seconds("freezeframe_time_to_containment_seconds", "From an alert's arrival to its containment, over cases in which something was contained; the quantile 1 is the longest.", s.ToContainment)
	m.head("freezeframe_status_time_seconds", "gauge", "When this was looked at, as Unix time.")
	m.line("freezeframe_status_time_seconds %s\n", strings.TrimSuffix(strconv.FormatFloat(float64(s.At.UnixMilli())/1000, 'f', 3, 64), ".000"))
	return m.err
}
