package timeline

import (
	"context"
	"time"
)

// Story is what changed about one function, in order.
type Story struct {
	Function string  `json:"function"`
	Steps    []Step  `json:"steps"`
	Left     int     `json:"left_out,omitempty"` // further steps beyond the bound
	Summary  Summary `json:"summary"`
}

// Step is one turn of the story. Each cites the events it rests on.
type Step struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // of several alike
	Sort   string    `json:"sort"`        // "code", "grant", "url", "credentials", "denied", "contained", ...
	Who    string    `json:"who"`
	Where  string    `json:"where,omitempty"` // source address
	Text   string    `json:"text"`            // one line, not escaped
	Count  int       `json:"count"`
	Events []string  `json:"events"` // ids, the first few
	Tags   []string  `json:"tags,omitempty"`
}

// Tell makes the story of o.Function from the input.
func Tell(ctx context.Context, o Options, in Input) (Story, error) { return tell(ctx, o, in) }
