package timeline

import (
	"strconv"
	"time"
)

// identity tells an event from all others, and is the same whenever the same fact is read.
// A record that differs from another of the same id, or that has no id, is told by where it
// stands; all others are not, so that a folder that was moved gives the same names.
func (e *Event) identity() []Said {
	of := []Said{{"event_id", e.ID}, {"kind", string(e.Kind)}, {"time", e.Time.UTC().Format(time.RFC3339Nano)}}
	if e.ID != "" && !e.Tagged(TagConflict) {
		return of
	}
	return append(of, Said{"raw_bag", e.Raw.Bag}, Said{"raw_item", e.Raw.Item}, Said{"raw_path", e.Raw.Path},
		Said{"raw_line", strconv.FormatInt(e.Raw.Line, 10)}, Said{"raw_offset", strconv.FormatInt(e.Raw.Offset, 10)})
}

// Said is one name and its value.
type Said struct{ Name, Value string }
