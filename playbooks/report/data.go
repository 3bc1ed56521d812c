package report

import (
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// Schema is the form of Data as JSON.
const Schema = "freezeframe.report/1"

// Input is a case, and what cannot be read from it here.
type Input struct {
	Case      *evidence.Case
	Function  string      // name or ARN; "" is every function of the case, as many as a brief tells about
	Acts      []brief.Act // how acts of containment stand, by the case's journals
	ActsErr   string      // why not all acts are known; "" if they are
	Practices *Practices  // nil: not assessed
	Unread    []string    // what the caller could not read of the case
	Exercise  string      // id of the exercise that this is; "" leaves it to the case
	Now       time.Time   // as of when
	Tool      string      // name and version of the program
}

// Data is a report: everything that its forms show, each text without what looks like a secret.
type Data struct {
	Schema      string         `json:"schema"`
	Case        CaseFacts      `json:"case"`
	AsOf        time.Time      `json:"as_of"`
	Tool        string         `json:"tool"`
	Summary     Summary        `json:"summary"`
	Brief       *brief.Brief   `json:"brief"` // what happened, is contained and is open, and what expires
	Measures    []Measure      `json:"measures"`
	Picture     Picture        `json:"picture"`
	Turns       []Turn         `json:"turns"`
	TurnsLeft   int            `json:"turns_left_out,omitempty"`
	Events      []EventRow     `json:"events"` // those that weigh, one by one
	EventsOf    int64          `json:"events_of"`
	Suspects    []Suspect      `json:"suspects"`
	Entries     []Entry        `json:"entries"`
	Standing    []Finding      `json:"standing"` // what suspects made or changed and nobody took back
	Graph       Graph          `json:"lineage"`
	Versions    []Version      `json:"versions"`
	Changes     []Change       `json:"changes"`
	Coverage    Coverage       `json:"coverage"`
	Custody     []CustodyRow   `json:"custody"`
	Custodied   int            `json:"custody_left_out,omitempty"`
	Practices   *Practices     `json:"practices,omitempty"`
	Bags        []Bag          `json:"bags"`
	Artefacts   []Artefact     `json:"artefacts"`
	Unlisted    int            `json:"artefacts_left_out,omitempty"`
	Answers     []Answer       `json:"answers"` // what was collected, member by member
	AnswersLeft int            `json:"answers_left_out,omitempty"`
	Inputs      []evidence.Ref `json:"-"` // what it was made from, for derived.json
	Gaps        int            `json:"gaps"`

	stories []lineage.Story
	acts    []brief.Act
	notes   []brief.Note // of people, all that say when something was noticed
}

// CaseFacts say which case it is.
type CaseFacts struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Authority string    `json:"authority"`
	Operator  string    `json:"operator"`
	Opened    time.Time `json:"opened"`
	Exercise  string    `json:"exercise,omitempty"`
}

// Summary is what is read in a minute: sentences, and numbers beside them.
type Summary struct {
	Lines   []string `json:"lines"`
	Numbers []Number `json:"numbers"`
}

// Number is one figure with its name. Alarm marks one that somebody has to do something about.
type Number struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	About string `json:"about,omitempty"`
	Alarm bool   `json:"alarm,omitempty"`
}

// Measure is one of the times by which a response is measured, with the moments it rests on.
type Measure struct {
	Name  string    `json:"name"`  // "MTTD"
	About string    `json:"about"` // "from the first turn that looks hostile to its detection"
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	Value string    `json:"value"` // "1 h 20 min"; "not known", "still running"
	Basis string    `json:"basis"` // what the moments rest on, or what is missing
	Known bool      `json:"known"`
}

// Turn is one step of a function's story.
type Turn struct {
	ID       int       `json:"id"` // from 1, in order of time
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Lane     Lane      `json:"lane"`
	Sort     string    `json:"sort"`
	Sign     bool      `json:"looks_hostile"`
	Who      string    `json:"who"`
	Where    string    `json:"where,omitempty"`
	Key      string    `json:"access_key,omitempty"`
	Text     string    `json:"text"`
	Function string    `json:"function"`
	Count    int       `json:"count"`
	Events   []string  `json:"events"`
}

// EventRow is one event as the report lists it.
type EventRow struct {
	Time    time.Time `json:"time"`
	Lane    Lane      `json:"lane"`
	Who     string    `json:"who"`
	Where   string    `json:"where,omitempty"`
	Call    string    `json:"call"`
	Outcome string    `json:"outcome,omitempty"`
	Text    string    `json:"text"`
	Tags    []string  `json:"tags,omitempty"`
	ID      string    `json:"id,omitempty"`
	Path    string    `json:"path,omitempty"` // of the artefact, in the case
}

// Suspect is a use of credentials that rules speak against: a suspicion, with its reasons.
type Suspect struct {
	Function string    `json:"function"`
	Who      string    `json:"who"`
	Address  string    `json:"address"`
	Keys     []string  `json:"access_keys,omitempty"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Calls    int       `json:"calls"`
	Score    int       `json:"score"`
	Reasons  []Reason  `json:"reasons"`
}

// Reason is a rule that was met, and its records.
type Reason struct {
	Rule   string   `json:"rule"`
	Weight int      `json:"weight"`
	Text   string   `json:"text"`
	Events []string `json:"events,omitempty"`
}

// Entry is how somebody got in, as far as the records show.
type Entry struct {
	Function string   `json:"function"`
	Kind     string   `json:"kind"`
	Text     string   `json:"text"`
	Sure     string   `json:"sure,omitempty"`
	Events   []string `json:"events,omitempty"`
}

// Finding is something a suspect made or changed that is still there.
type Finding struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`
	Who   string    `json:"who"`
	State string    `json:"state"`
	Event string    `json:"event,omitempty"`
	By    string    `json:"closed_by,omitempty"` // the act in force that closes such, and came after it
}

// Version is one deployment that the case holds.
type Version struct {
	Function  string `json:"function"`
	Bag       string `json:"bag"`
	Version   string `json:"version"`
	Modified  string `json:"last_modified"`
	Collected string `json:"collected"`
	CodeHash  string `json:"code_sha256"`
	By        string `json:"introduced_by,omitempty"`
	Path      string `json:"path,omitempty"` // of the package
	Known     string `json:"package"`        // "in the case", "not in the case"
}

// Change is what differs between two deployments.
type Change struct {
	Function string       `json:"function"`
	From     string       `json:"from"`
	To       string       `json:"to"`
	SameCode bool         `json:"same_code"`
	Files    []FileChange `json:"files"`
	Left     int          `json:"files_left_out,omitempty"`
	Fields   []Field      `json:"fields"`
	Odd      []string     `json:"odd,omitempty"`
	Missing  []string     `json:"missing,omitempty"`
}

// FileChange is one file of the code that is not the same.
type FileChange struct {
	Path string   `json:"path"`
	What string   `json:"what"`
	Kind string   `json:"kind"`
	From int64    `json:"size_before"`
	To   int64    `json:"size_after"`
	Note string   `json:"note,omitempty"`
	Diff []string `json:"diff,omitempty"` // lines
	Left int      `json:"lines_left_out,omitempty"`
}

// Field is a member of a document that is not the same.
type Field struct {
	Of   string `json:"of"` // "configuration", "environment key", or the document
	Name string `json:"name"`
	What string `json:"what"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Coverage is what was wanted, what was had, and what cannot be seen.
type Coverage struct {
	Kinds     []CoverKind `json:"kinds"`
	Gaps      []Gap       `json:"gaps"`
	GapsLeft  int         `json:"gaps_left_out,omitempty"`
	CannotSee []string    `json:"cannot_see"`
	Limits    []string    `json:"cannot_tell"`
	Unread    []string    `json:"not_read"`
	From      time.Time   `json:"cloudtrail_from,omitzero"`
	To        time.Time   `json:"cloudtrail_complete_to,omitzero"`
	Skips     int64       `json:"records_not_read"`
}

// CoverKind counts the artefacts of one kind.
type CoverKind struct {
	Artefact string `json:"artefact"`
	Had      int    `json:"had"`
	Absent   int    `json:"absent"`
	Not      int    `json:"not_had"`
}

// Gap is something that was wanted and not had.
type Gap struct {
	Bag      string `json:"bag"`
	Artefact string `json:"artefact"`
	Source   string `json:"source"`
	State    string `json:"state"`
	Why      string `json:"why,omitempty"`
}

// CustodyRow is one event of the chain of custody.
type CustodyRow struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Reason string    `json:"reason,omitempty"`
	Tool   string    `json:"tool,omitempty"`
	Covers []string  `json:"covers,omitempty"` // path and SHA-256
}

// Bag is one bag of the case.
type Bag struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Status    string    `json:"status"`
	Operator  string    `json:"operator"`
	Principal string    `json:"principal"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended,omitzero"`
	Endpoint  string    `json:"endpoint_url,omitempty"` // "" is AWS
	Items     int       `json:"items"`
}

// Artefact is one stored artefact and its hash.
type Artefact struct {
	Path     string `json:"path"`
	Artefact string `json:"artefact"`
	Source   string `json:"source"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Sealed   bool   `json:"sealed,omitempty"`
}
