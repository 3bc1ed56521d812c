package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
)

// Refused is what the board keeps of a message that was received too often, as
// poisoned/<first 16 hexadecimal digits of its SHA-256>.
type Refused struct {
	SHA256   string    `json:"message_sha256"`
	ID       string    `json:"id"`
	Received int       `json:"received"`
	Sent     time.Time `json:"sent"`
	At       time.Time `json:"at"`
	Bytes    int       `json:"bytes"`
	Body     []byte    `json:"body"` // its beginning, where it is larger than a record can be
}

// PoisonedPrefix is where the board keeps them.
const PoisonedPrefix = "poisoned/"

// mostKept is what of a body fits into a record, which writes three bytes as four.
const mostKept = 700 << 10

func sum(body string) string {
	s := sha256.Sum256([]byte(body))
	return hex.EncodeToString(s[:])
}

// refuse keeps a message that is to be refused for good: nothing is dropped unseen. What cannot be
// kept goes back.
func (l *loop) refuse(ctx context.Context, m *queue.Message) (Fate, error) {
	r := Refused{SHA256: sum(m.Body), ID: m.ID, Received: m.Received, Sent: m.Sent, At: time.Now().UTC(), Bytes: len(m.Body), Body: []byte(m.Body[:min(len(m.Body), mostKept)])}
	if err := l.Board.Put(ctx, PoisonedPrefix+r.SHA256[:16], r); err != nil && !errors.Is(err, board.ErrTaken) {
		return Back, fmt.Errorf("it was received %d times, and cannot be kept to be refused: %w", m.Received, err)
	}
	return Poisoned, fmt.Errorf("it was received %d times and never dealt with: refused, and kept as %s%s on the board", m.Received, PoisonedPrefix, r.SHA256[:16])
}
