// Package timeline turns evidence into events, in order: what was done to a function
// and with its credentials, by whom, from where, and what came of it. It reads a
// case, or plain CloudTrail files, and asks AWS nothing.
//
//	input -> sources (one per kind of artefact) -> normalised events
//	      -> sorted runs, spilled to private files when they outgrow memory
//	      -> merge: duplicates dropped, copies linked, tags that need more than one event
//	      -> filter, and one of the formats, or a story
//
// To add a source or a format: one file, one line in catalogue.go.
//
// Two rules hold throughout. Nothing is lost silently: what cannot be read is
// counted and reported with file, line and reason. And nothing is claimed: tags and
// messages say what the records show, with the ids of the records.
package timeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

var (
	// ErrFormat: no format of that name.
	ErrFormat = errors.New("unknown timeline format")
	// ErrNoInput: neither a case nor files were given.
	ErrNoInput = errors.New("nothing to read")
	// ErrPath: a file or folder that was named is not there, or cannot be looked at.
	ErrPath = errors.New("CloudTrail files cannot be read")
)

// Input is where events come from: a case, or files and folders, or both.
type Input struct {
	Case  *evidence.Case
	Paths []string // CloudTrail files, or folders of them, read recursively; links are not followed
}

// Filter limits what comes out. The zero value lets everything through.
type Filter struct {
	Since time.Time // inclusive
	Until time.Time // exclusive
	// Function, a name or an ARN, keeps what was done to the function, by its
	// role's sessions, with its keys, and what the responder did.
	Function string
}

// Options say how to build. The zero value is usable, and writes a table.
type Options struct {
	Filter
	// Where is a filter expression over Fields (package filter); "" lets everything
	// through. It is applied to finished events: what is a copy, and which tags an event
	// has, does not depend on it.
	Where   string
	Format  string         // a name from Formats; "" is the first
	Columns []string       // names of Fields, for formats that let them be chosen; none: the usual
	Local   *time.Location // of the times in a table; nil: UTC, as in all files
	Width   int            // of the terminal, for table; 0 is unbounded

	// Beside lets out what the filter does not want too, marked: whoever looks for the
	// origin of what the filter wants must see what came before it. Not for formats.
	Beside bool
	// Functions are those that Event.Concerns tells about, at most 64, by name or ARN. Unlike
	// Function they keep nothing back: whoever asks about several reads the records once.
	Functions []string
	// Names keeps what calls named (Event.Named). It takes time, and only those who pair
	// and join calls need it.
	Names bool

	RunEvents int    // events held in memory per reader before they are spilled; 0 is as many as fit into its share of 256 MiB
	TempDir   string // where spilled runs go, in a private folder that is removed; "" is os.TempDir()
	Workers   int    // files read at once; 0 is the number of CPUs, at most 8
	MaxSkips  int    // skips that are listed one by one (all are counted); 0 is 100
	// Validate holds the log files of a case against CloudTrail's digests: they are read once more.
	Validate bool

	// Collapse makes one line of calls that repeat each other within that time; 0: none. For
	// Build alone.
	Collapse time.Duration
	// BaselineUntil, or the first Baseline of the records, is what calls are held against: what a
	// principal does, or does from, for the first time since is tagged. Zero: no tags.
	Baseline      time.Duration
	BaselineUntil time.Time

	// Rules annotate the events that they hit; correlations among them, over the events
	// of the asked-for time, are events of their own. nil: none are tried.
	Rules *sigma.Engine

	// Told is what a story found, for formats that have a place for it (Format.Story).
	Told *Told

	// Progress is told now and then, from one goroutine at a time; nil: nobody is.
	Progress func(Progress)

	where  *where  // Where, parsed
	fields []Field // Columns, or all
	caseID string
}

// Check says what is wrong with the options, before anything is read.
func (o Options) Check() error {
	f, err := FormatNamed(o.Format)
	if err == nil {
		_, err = o.ready(f)
	}
	return err
}

// ready parses what is text in the options.
func (o Options) ready(f Format) (Options, error) {
	var err error
	switch {
	case len(o.Columns) > 0 && !f.Columns:
		return o, fmt.Errorf("%w: %s has columns of its own; they can be chosen for table, csv and jsonl", ErrView, f.Name)
	case o.Local != nil && !f.Local:
		return o, fmt.Errorf("%w: local times are for the table alone; %s is in UTC", ErrView, f.Name)
	}
	if o.Baseline != 0 && !o.BaselineUntil.IsZero() {
		return o, fmt.Errorf("%w: a baseline ends at a moment, or is the beginning of the records; not both", ErrView)
	}
	if o.Collapse < 0 || o.Baseline < 0 {
		return o, fmt.Errorf("%w: a window of less than no time", ErrView)
	}
	if o.fields, err = fieldsNamed(o.Columns); err != nil {
		return o, err
	}
	o.where, err = newWhere(o.Where)
	return o, err
}

// Progress is how far a run has come.
type Progress struct {
	Inputs int   // artefacts or files finished
	Events int64 // events read
	Bytes  int64 // of inflated text
}

// Summary is what a run came to.
type Summary struct {
	Events     int64          `json:"events"` // written
	Read       int64          `json:"read"`   // before duplicates and the filter: Events + Duplicates + LeftOut
	BySource   map[string]int `json:"by_source"`
	ByOutcome  map[string]int `json:"by_outcome"`
	ByTag      map[string]int `json:"by_tag"`
	ByRule     map[string]int `json:"by_rule,omitempty"` // events that a rule hit, and moments at which a correlation held
	RuleLosses []RuleLoss     `json:"rule_losses,omitempty"`
	// RuleRepeats counts moments at which a correlation went on holding, less than a span
	// after the line that told of it.
	RuleRepeats int64 `json:"rule_repeats,omitempty"`
	Duplicates  int64 `json:"duplicates"`
	// Collapsed counts those of Events that stand in another's line.
	Collapsed int64 `json:"collapsed,omitempty"`
	// Baseline is what it held, where one was asked for.
	Baseline *Baseline `json:"baseline,omitempty"`
	// LeftOut counts what the filter kept back. Of what lies outside Since and Until, copies
	// are counted too: it is dropped before they are looked for.
	LeftOut   int64     `json:"left_out,omitempty"`
	Conflicts int64     `json:"conflicts,omitempty"` // records of one event id that differ
	Digests   int64     `json:"digest_files,omitempty"`
	Skips     int64     `json:"skips"`             // records and files that could not be read, all of them
	Skipped   []Skip    `json:"skipped,omitempty"` // the first Options.MaxSkips
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	Gaps      []Gap     `json:"gaps,omitempty"` // what the timeline cannot know
	// Unseen is what the records cannot show: regions, hours, kinds of calls, files.
	Unseen       []Unseen `json:"cannot_see,omitempty"`
	DamagedFiles int      `json:"damaged_files,omitempty"` // problems of validation that are damage
	// CloudTrailFrom and CloudTrailTo bound the looked-up records of a case: from the
	// earliest start asked for, and up to the newest bag's end, or to 15 minutes before
	// it was asked, which is how late events may arrive.
	CloudTrailFrom time.Time `json:"cloudtrail_from,omitzero"`
	CloudTrailTo   time.Time `json:"cloudtrail_complete_to,omitzero"`
	// KeysUntracked counts access keys beyond the bound up to which the same key
	// is recognised inside and outside of Lambda.
	KeysUntracked int64 `json:"keys_untracked,omitempty"`
	// Hidden counts events with control, direction or invisible characters in what somebody
	// else wrote: the views escape them.
	Hidden   int64          `json:"events_that_hide,omitempty"`
	HiddenAt []Raw          `json:"events_that_hide_at,omitempty"` // the first few
	Inputs   []evidence.Ref `json:"inputs,omitempty"`              // artefacts read, for derived.json
	Bytes    int64          `json:"bytes"`                         // of inflated text
	Runs     int            `json:"runs"`                          // spilled to disk
}

// Complete says whether everything there was could be read, and nothing that concerns
// the timeline is missing from the case.
func (s Summary) Complete() bool { return s.Skips == 0 && len(s.Gaps) == 0 && s.DamagedFiles == 0 }

// Skip is something that could not be read.
type Skip struct {
	Path   string `json:"path"`
	Line   int64  `json:"line,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Reason string `json:"reason"`
}

// Gap is a stretch or a source that the timeline has no records of.
type Gap struct {
	Artefact string `json:"artefact"`
	Source   string `json:"source,omitempty"` // resource, qualifier, region
	State    string `json:"state"`
	Why      string `json:"why,omitempty"`
}

// Build reads the input and writes the timeline to out, in order of time. Events of one
// instant stand in a fixed order, so the same evidence gives the same bytes. The
// summary is valid also beside an error, as far as the run came.
func Build(ctx context.Context, o Options, in Input, out io.Writer) (Summary, error) {
	f, err := FormatNamed(o.Format)
	if err != nil {
		return Summary{}, err
	}
	if o, err = o.ready(f); err != nil {
		return Summary{}, err
	}
	if in.Case != nil {
		o.caseID = in.Case.ID
	}
	w := f.New(out, o)
	r := newRun(o, in)
	if b, ok := w.(beginner); ok {
		r.begin = b.Begin
	}
	each := w.Event
	var c *collapser
	if l, ok := w.(lineWriter); ok && o.Collapse <= 0 {
		r.lines = l
	}
	if o.Collapse > 0 {
		c = newCollapser(o.Collapse, w.Event)
		each, r.keeps = c.event, true
	}
	err = r.do(ctx, each)
	if c != nil {
		if err == nil {
			err = c.end()
		}
		r.sum.Collapsed = c.collapsed
	}
	return r.sum, errors.Join(err, w.Close())
}

// Events runs the engine without a format: each is called with every event in order.
// The event is reused, its strings are not: copy what is kept.
func Events(ctx context.Context, o Options, in Input, each func(*Event) error) (Summary, error) {
	o, err := o.ready(Format{Columns: true, Local: true})
	if err != nil {
		return Summary{}, err
	}
	r := newRun(o, in)
	r.keeps = true
	err = r.do(ctx, each)
	return r.sum, err
}
