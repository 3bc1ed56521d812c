package contain

import (
	"encoding/json"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Kinds of journal entries: see the package's doc.
const (
	noteRun      = "run"
	noteIntent   = "intent"
	noteOutcome  = "outcome"
	noteVerified = "verified"
	noteCall     = "call"
	noteEnd      = "end"
)

// RunNote is the journal entry "run".
type RunNote struct {
	Action    string `json:"action"`
	Plan      string `json:"plan,omitempty"`
	Document  *Plan  `json:"document,omitempty"`
	Function  string `json:"function,omitempty"`
	Operator  string `json:"operator"`
	Principal string `json:"principal"`
	Reason    string `json:"reason,omitempty"`
	Forced    bool   `json:"forced,omitempty"`
	Fast      bool   `json:"fast,omitempty"`
	Risk      string `json:"risk_accepted,omitempty"`
}

// Intent is the journal entry "intent": durable before the write that it announces.
type Intent struct {
	ID       string          `json:"id"`
	Action   string          `json:"action"`
	Acts     []string        `json:"acts"`
	Doc      string          `json:"doc"`
	Key      string          `json:"key"`
	Resource string          `json:"resource"`
	Place    Place           `json:"place"`
	Also     []Target        `json:"also,omitempty"` // further targets that edits are made for
	Calls    []Call          `json:"calls"`
	Sealed   []byte          `json:"sealed,omitempty"` // age file: what From leaves out for being secret, and the write replaces
	From     json.RawMessage `json:"from"`
	To       json.RawMessage `json:"to"`
	Joins    bool            `json:"joins,omitempty"` // nothing is called: another act of the case brought the document there
	Edits    []PlannedEdit   `json:"edits"`           // of an apply those made, of a release or undo those taken back
}

// EndNote is the journal entry "end".
type EndNote struct {
	Status Status `json:"status"`
}

// CallNote is the journal entry "call".
type CallNote = awsapi.Exchange
