package mandate

import (
	"slices"
	"time"
	_ "time/tzdata" // a mandate means the same hours on a machine that has no zones
)

// hours are when a rule may act. A window that ends before it begins goes over midnight, and is of
// the day on which it begins.
type hours struct {
	Zone text   `yaml:"zone,required"`
	Days []text `yaml:"days"` // absent: each
	From text   `yaml:"from,required"`
	To   text   `yaml:"to,required"`

	location *time.Location
	from, to int // minutes of the day
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

func (c *checker) hours(h *hours) {
	var err error
	if h.location, err = time.LoadLocation(h.Zone.Value); err != nil || h.Zone.Value == "" || h.Zone.Value == "Local" {
		c.bad(h.Zone.At, "hours: zone %q is none: a name such as Europe/Berlin or UTC is wanted", h.Zone.Value)
	}
	for _, d := range h.Days {
		c.word(d, "day", dayNames)
	}
	h.from, h.to = c.clock(h.From), c.clock(h.To)
	if h.from == h.to {
		c.bad(h.To.At, "hours: from and to are the same: leave hours out to mean always")
	}
}

func (c *checker) clock(t text) int {
	at, err := time.Parse("15:04", t.Value)
	if err != nil || len(t.Value) != 5 {
		c.bad(t.At, `hours: a time of day such as "20:00" is wanted`)
		return -t.At.Line // so that two that are wrong are not told as the same
	}
	return at.Hour()*60 + at.Minute()
}

// hold says whether a moment is within the hours, by the clocks of the zone: in the night in which
// they are set back, an hour that is there twice counts twice.
func (h *hours) hold(now time.Time) bool {
	local := now.In(h.location)
	minute, day := local.Hour()*60+local.Minute(), local.Weekday()
	if h.from < h.to {
		return minute >= h.from && minute < h.to && h.on(day)
	}
	return minute >= h.from && h.on(day) || minute < h.to && h.on((day+6)%7)
}

func (h *hours) on(day time.Weekday) bool {
	return len(h.Days) == 0 || slices.ContainsFunc(h.Days, func(d text) bool { return d.Value == dayNames[day] })
}
