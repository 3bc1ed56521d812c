package board

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Halt is a turn of the switch that stops everything unattended.
type Halt struct {
	Halted bool      `json:"halted"`
	By     string    `json:"by"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
}

// SetHalt turns the switch: every worker on the board obeys within a minute.
func (b *Board) SetHalt(ctx context.Context, h Halt) error {
	for {
		names, err := b.Names(ctx, "halt/")
		if err != nil {
			return err
		}
		n := 1
		if len(names) > 0 {
			if _, err := fmt.Sscanf(names[len(names)-1], "%d", &n); err != nil {
				return fmt.Errorf("halt/%s on the board is none of ours", names[len(names)-1])
			}
			n++
		}
		if err := b.Put(ctx, fmt.Sprintf("halt/%08d", n), h); !errors.Is(err, ErrTaken) {
			return err
		}
	}
}

// Halted is how the switch stands; nil where nobody ever turned it.
func (b *Board) Halted(ctx context.Context) (*Halt, error) {
	names, err := b.Names(ctx, "halt/")
	if err != nil || len(names) == 0 {
		return nil, err
	}
	var h Halt
	return &h, b.Get(ctx, "halt/"+names[len(names)-1], &h)
}
