package status

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
)

// Poisoned is a message that nobody could deal with: in the dead-letter queue, or refused by a worker
// where there is none.
type Poisoned struct {
	Where    string     `json:"where"` // dead-letter, board
	ID       string     `json:"message_id"`
	SHA256   string     `json:"message_sha256"`
	Alerts   []string   `json:"alerts"` // ids of their cases, whether these were made or not
	Kind     alert.Kind `json:"kind"`   // of the first alert, or the form of another message of ours
	Function string     `json:"function,omitempty"`
	Received int        `json:"received"` // times, this look included; 0 where nobody said
	Sent     time.Time  `json:"sent,omitzero"`
}

// ours is what messages of this tool that are no alerts call themselves.
var ours = regexp.MustCompile(`^freezeframe\.[a-z-]{1,40}/[0-9]{1,3}$`)

// name says what a message is of.
func (p *Poisoned) name(body string) {
	sum := sha256.Sum256([]byte(body))
	p.SHA256, p.Alerts = hex.EncodeToString(sum[:]), []string{}
	var said struct {
		Schema string `json:"schema"`
	}
	if json.Unmarshal([]byte(body), &said) == nil && ours.MatchString(said.Schema) {
		p.Kind = alert.Kind(said.Schema)
		return
	}
	p.Kind = alert.Unknown
	all, err := alert.Read(strings.NewReader(body))
	if err != nil {
		return
	}
	for i := range all {
		if i == 0 {
			p.Kind = all[i].Kind
		}
		if all[i].Target != nil && p.Function == "" {
			p.Function = all[i].Target.ARN
		}
		p.Alerts = append(p.Alerts, all[i].Case)
	}
}

// refused are the messages that workers refused for good where no queue takes dead letters.
func (s *Status) refused(ctx context.Context, o Options) error {
	names, err := o.Board.Names(ctx, worker.PoisonedPrefix)
	if err != nil {
		return err
	}
	all, err := board.All[worker.Refused](ctx, o.Board, worker.PoisonedPrefix, names)
	if err != nil {
		return err
	}
	for _, r := range all {
		p := Poisoned{Where: "board", ID: r.ID, Received: r.Received, Sent: r.Sent}
		p.name(string(r.Body))
		p.SHA256 = r.SHA256 // the body may be its beginning
		s.Poisoned = append(s.Poisoned, p)
	}
	return nil
}

// queues counts what waits, and names what lies dead.
func (s *Status) queues(ctx context.Context, o Options) {
	if o.Queue == nil {
		return
	}
	if c, err := o.Queue.Counts(ctx); err != nil {
		s.unseen("the queue", err)
	} else {
		s.Queue = &Counted{o.Queue.ARN, c}
	}
	if o.Dead == nil {
		return
	}
	c, err := o.Dead.Counts(ctx)
	if err != nil {
		s.unseen("the dead-letter queue", err)
		return
	}
	s.DeadLetter = &Counted{o.Queue.DeadLetter, c}
	seen, all, err := o.Dead.Peek(ctx, o.Most)
	if err != nil {
		s.unseen("dead letters", err)
	} else if !all && c.Visible > len(seen) {
		s.Unseen = append(s.Unseen, fmt.Sprintf("dead letters: %d were looked at, of about %d", len(seen), c.Visible))
	}
	for i := range seen {
		p := Poisoned{Where: "dead-letter", ID: seen[i].ID, Received: seen[i].Received, Sent: seen[i].Sent}
		p.name(seen[i].Body)
		s.Poisoned = append(s.Poisoned, p)
	}
}

func (s *Status) unseen(what string, err error) {
	s.Unseen = append(s.Unseen, what+": "+err.Error())
}
