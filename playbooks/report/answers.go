package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Bounds of the answers in a page: it stays a file that can be sent. `report serve` has all.
const (
	maxAnswers       = 1000
	maxAnswerMembers = 2500
	maxRecordMembers = 250     // of records, whose events are in the timeline
	maxAnswersText   = 4 << 20 // of all of them, in bytes
	maxMemberText    = 1000    // of one value
)

// Answer is a collected artefact that is JSON: what AWS said, member by member.
type Answer struct {
	Artefact string   `json:"artefact"`
	Source   string   `json:"source"`
	Path     string   `json:"path"`
	Note     string   `json:"note,omitempty"` // why nothing of it is shown, or not all
	Members  []Member `json:"members"`
	More     bool     `json:"more,omitempty"` // there are further members
}

// Member is one value of an answer.
type Member struct {
	Name  string `json:"name"` // as jq has it: Configuration.Layers[0].Arn
	Value string `json:"value"`
}

// errEnoughMembers ends the reading of an answer.
var errEnoughMembers = errors.New("enough members")

// answers shows what was collected: documents before records, what is newest first. Each
// artefact is opened at most once, and none once the page is full.
func (d *Data) answers(ctx context.Context, c *evidence.Case) error {
	d.Answers = []Answer{}
	room, seen := maxAnswersText, map[string]bool{}
	for _, records := range []bool{false, true} {
		for f, err := range answersOf(ctx, c, records) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				continue // the coverage says which bags cannot be read
			}
			it := *f.Entry.Item
			if same := it.Artefact + "\x00" + sourceText(it.Source) + "\x00" + it.SHA256; seen[same] {
				continue // an older collection had the same answer
			} else {
				seen[same] = true
			}
			if room <= 0 || len(d.Answers) >= maxAnswers {
				d.AnswersLeft++
				continue
			}
			most := maxAnswerMembers
			if records {
				most = maxRecordMembers
			}
			a, size := answerOf(ctx, f.Bag, it, most, room)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			room -= size
			if len(a.Members) > 0 || a.Note != "" {
				d.Answers = append(d.Answers, a)
			}
		}
	}
	return nil
}

// answersOf are the stored artefacts that may be answers.
func answersOf(ctx context.Context, c *evidence.Case, records bool) func(func(evidence.Found, error) bool) {
	return c.Find(ctx, func(e evidence.Entry) bool {
		return e.Item != nil && !packed(e.Artefact) && recorded(e.Artefact) == records
	})
}

// packed are artefacts that are no text: packages, layers, compressed files of trails.
func packed(artefact string) bool {
	return slices.Contains([]string{"lambda.code", "lambda.layers.code", "ecr.layer", "cloudtrail.log", "cloudtrail.digest"}, artefact)
}

// recorded are artefacts that are records: their events stand in the timeline one by one.
func recorded(artefact string) bool {
	return slices.ContainsFunc([]string{"cloudtrail.lookup", "logs.events", "logs.raw", "logs.insights", "xray.", "cloudwatch.metrics", "query."}, func(p string) bool { return strings.HasPrefix(artefact, p) })
}

// answerOf reads one artefact, as far as there is room.
func answerOf(ctx context.Context, b *evidence.Bag, it evidence.Item, most, room int) (a Answer, size int) {
	a = Answer{Artefact: it.Artefact, Source: sourceText(it.Source), Path: b.Ref(it).Path, Members: []Member{}}
	err := readAnswer(ctx, b, it, func(m Member) error {
		if len(a.Members) >= most || size >= room {
			a.More = true
			return errEnoughMembers
		}
		m.Value = cutText(m.Value, maxMemberText)
		size += len(m.Name) + len(m.Value) + 40 // of markup
		a.Members = append(a.Members, m)
		return nil
	})
	if err != nil && !errors.Is(err, errEnoughMembers) {
		a.Note = answerNote(err)
	}
	return a, size
}

// What keeps an artefact from being shown.
var (
	errSecret  = errors.New("secret: freezeframe case reveal opens it, and the ledger says who did")
	errLocked  = errors.New("sealed, and the identity that opens it is not here")
	errNotJSON = errors.New("not JSON")
)

// readAnswer gives each value of an artefact.
func readAnswer(ctx context.Context, b *evidence.Bag, it evidence.Item, each func(Member) error) error {
	if it.Sensitive {
		return errSecret
	}
	r, err := b.Open(ctx, it)
	if err != nil {
		return err
	}
	err = readMembers(r, each)
	if errors.Is(err, errNotJSON) && it.Sealed {
		err = errLocked
	}
	return errors.Join(err, r.Close())
}

func answerNote(err error) string {
	switch {
	case errors.Is(err, errSecret):
		return errSecret.Error()
	case errors.Is(err, errLocked):
		return errLocked.Error()
	case errors.Is(err, errNotJSON):
		return "no JSON: it is in the case as it came"
	case errors.Is(err, evidence.ErrDamaged):
		return "the bytes are not those that were sealed: freezeframe verify"
	}
	return fmt.Sprintf("cannot be read to its end: %v", err)
}
