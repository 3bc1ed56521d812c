package report

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// maxServedText is how much of one value a page of members shows, in bytes.
const maxServedText = 16 << 10

// memberRow is one member of one answer.
type memberRow struct {
	Artefact, Source, Path string
	Member
}

func shownText(s string) string { return safetext.Escape(mask(s)) }

func (r memberRow) has(words []string) bool {
	return hasAll(words, r.Artefact, r.Source, r.Path, r.Name, r.Value)
}

// foundMembers is one page of members.
type foundMembers struct {
	D      *Data
	Style  template.CSS
	Script template.JS
	Words  string
	Err    string
	Rows   []memberRow
	First  int
	Prev   template.URL
	Next   template.URL
	Unread []string
}

// searchAnswers shows every member of every answer of the case, page by page.
func (s *Server) searchAnswers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	view := foundMembers{D: &Data{Case: rewritten(s.Data.Case, safetext.Escape)}, Style: template.CSS(style), Script: template.JS(script), Words: q.Get("q")}
	page, err := pageOf(q)
	if err == nil {
		err = s.alone(r.Context(), func() error { return s.findMembers(r.Context(), page, &view) })
	}
	if r.Context().Err() != nil {
		return
	}
	if err != nil {
		view.Err = safetext.Escape(err.Error())
		w.WriteHeader(http.StatusBadRequest)
	}
	show(w, "members", view)
}

// findMembers reads the answers anew, in the order of the report, up to where the page is full.
func (s *Server) findMembers(ctx context.Context, page int, view *foundMembers) error {
	words, skip := strings.Fields(strings.ToLower(view.Words)), page*s.rows
	view.First = skip + 1
	link := func(to int) template.URL { return linkTo("answers", map[string]string{"q": view.Words}, to) }
	if page > 0 {
		view.Prev = link(page - 1)
	}
	take := func(f evidence.Found) error {
		row := memberRow{Artefact: shownText(f.Entry.Artefact), Source: shownText(sourceText(f.Entry.Item.Source)), Path: shownText(f.Bag.Ref(*f.Entry.Item).Path)}
		return readAnswer(ctx, f.Bag, *f.Entry.Item, func(m Member) error {
			if len(words) == 0 && skip > 0 {
				skip--
				return nil
			}
			row.Member = Member{shownText(m.Name), safetext.Escape(cutText(m.Value, maxServedText))} // reading masked the value
			switch {
			case !row.has(words):
			case skip > 0:
				skip--
			case len(view.Rows) == s.rows:
				view.Next = link(page + 1)
				return errEnough
			default:
				view.Rows = append(view.Rows, row)
			}
			return nil
		})
	}
	for _, records := range []bool{false, true} {
		for f, err := range answersOf(ctx, s.Case, records) {
			if err == nil {
				err = take(f)
			}
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, errEnough):
				return nil
			case err != nil && !errors.Is(err, errNotJSON):
				view.unread(f, err)
			}
		}
	}
	return nil
}

// unread says what of the case a page of members does not show.
func (v *foundMembers) unread(f evidence.Found, err error) {
	const most = 20
	if len(v.Unread) > most {
		return
	}
	text := "more artefacts are not shown; the coverage of the report names what could not be read"
	if len(v.Unread) < most {
		text = fmt.Sprintf("bag %s: %v", f.Bag.ID(), err)
		if f.Entry.Item != nil {
			text = f.Bag.Ref(*f.Entry.Item).Path + ": " + answerNote(err)
		}
	}
	v.Unread = append(v.Unread, shownText(text))
}
