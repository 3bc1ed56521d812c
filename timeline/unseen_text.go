package timeline

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// maxUnseenLines is how much of it a text shows at its beginning; the data has all.
const maxUnseenLines = 12

// unseenLines are for the beginning of a text.
func (s Summary) unseenLines() []string {
	var out []string
	for _, u := range s.Unseen[:min(len(s.Unseen), maxUnseenLines)] {
		out = append(out, safetext.Escape(cut(u.Text, 400)))
	}
	if n := len(s.Unseen) - maxUnseenLines; n > 0 {
		out = append(out, fmt.Sprintf("cannot see %d more things, in the JSON form of the story", n))
	}
	return out
}

// unseen begins the story's text.
func (s Story) unseen(b *strings.Builder) {
	for _, line := range s.Summary.unseenLines() {
		b.WriteString("  ! " + line + "\n")
	}
}

// beginner is an EventWriter for people: it is told, before the first event, what cannot be seen.
type beginner interface{ Begin(Summary) error }

// Begin writes what cannot be seen above the table.
func (t *tableWriter) Begin(s Summary) error {
	for _, line := range s.unseenLines() {
		if _, err := io.WriteString(t.w, "! "+line+"\n"); err != nil {
			return err
		}
	}
	return nil
}
