package report

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// pageRows is how many events one page of them has.
const pageRows = 200

// Server shows a report to the browser of who started it, and searches all events of the case.
// Whoever else can reach the port must not get in: other users of the machine lack the token,
// and pages of other sites, which a browser would let ask under a name that they chose (DNS
// rebinding), come with another Host.
type Server struct {
	Data  *Data
	Case  *evidence.Case
	Token string // the first part of every path
	Host  string // "127.0.0.1:12345", as browsers name it

	searching chan struct{}
	rows      int // of one page of answers
}

// NewServer makes one; a search reads all of the case, so that one goes on at a time.
func NewServer(d *Data, c *evidence.Case, token, host string) *Server {
	return &Server{Data: d, Case: c, Token: token, Host: host, searching: make(chan struct{}, 1), rows: pageRows}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy("'self'")+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.Host != s.Host || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		http.Error(w, "this report is for the browser of who serves it", http.StatusForbidden)
		return
	}
	token, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) != 1 {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "a report is read", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	switch {
	case rest == "" && strings.HasSuffix(r.URL.Path, "/"):
		_ = s.Data.html(w, true) // to a browser that is gone there is nobody to tell
	case rest == "":
		http.Redirect(w, r, "/"+s.Token+"/", http.StatusSeeOther)
	case rest == "events":
		s.events(w, r)
	case rest == "answers":
		s.searchAnswers(w, r)
	default:
		http.NotFound(w, r)
	}
}

// search is what is asked of all events.
type search struct {
	Words, Where, From, To string
	Page                   int

	words []string
	o     timeline.Options
}

func searchOf(q url.Values) (search, error) {
	s := search{Words: q.Get("q"), Where: q.Get("where"), From: q.Get("from"), To: q.Get("to")}
	s.words = strings.Fields(strings.ToLower(s.Words))
	s.o = timeline.Options{Where: s.Where}
	var err error
	if s.Page, err = pageOf(q); err != nil {
		return s, err
	}
	for _, m := range []struct {
		text string
		at   *time.Time
	}{{s.From, &s.o.Since}, {s.To, &s.o.Until}} {
		if m.text == "" {
			continue
		}
		if *m.at, err = time.Parse(time.RFC3339, m.text); err != nil {
			return s, fmt.Errorf("a time looks like 2026-01-31T06:00:00Z: %w", err)
		}
	}
	return s, s.o.Check()
}

// pageOf is the number of the page that is asked for, from 0.
func pageOf(q url.Values) (int, error) {
	text := q.Get("page")
	if text == "" {
		return 0, nil
	}
	page, err := strconv.Atoi(text)
	if err != nil || page < 0 || page > 1<<20 {
		return 0, fmt.Errorf("page %q is none", text)
	}
	return page, nil
}

// link leads to another page of the same search.
func (s search) link(page int) template.URL {
	return linkTo("events", map[string]string{"q": s.Words, "where": s.Where, "from": s.From, "to": s.To}, page)
}

func linkTo(path string, asked map[string]string, page int) template.URL {
	q := url.Values{}
	for k, v := range asked {
		if v != "" {
			q.Set(k, v)
		}
	}
	q.Set("page", strconv.Itoa(page))
	return template.URL(path + "?" + q.Encode()) //nolint:gosec // of a fixed path, and encoded values
}

// found is one page of events.
type found struct {
	D      *Data
	Style  template.CSS
	Script template.JS
	Search search
	Err    string
	Rows   []EventRow
	First  int
	Prev   template.URL
	Next   template.URL
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	view := found{D: &Data{Case: rewritten(s.Data.Case, safetext.Escape)}, Style: template.CSS(style), Script: template.JS(script)}
	ask, err := searchOf(r.URL.Query())
	view.Search = ask
	if err == nil {
		err = s.alone(r.Context(), func() error { return s.find(r.Context(), ask, &view) })
	}
	if r.Context().Err() != nil {
		return
	}
	if err != nil {
		view.Err = safetext.Escape(err.Error())
		w.WriteHeader(http.StatusBadRequest)
	}
	show(w, "events", view)
}

// alone does a search when no other goes on.
func (s *Server) alone(ctx context.Context, search func() error) error {
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
		return search()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func show(w http.ResponseWriter, name string, view any) {
	t, err := templates()
	if err == nil {
		err = t.ExecuteTemplate(w, name, view)
	}
	_ = err // to a browser that is gone there is nobody to tell
}

// errEnough ends a search when its page is full.
var errEnough = errors.New("the page is full")

func (s *Server) find(ctx context.Context, ask search, view *found) error {
	l, b, skip := s.Data.laner(), lineage.NewBuilder(), ask.Page*pageRows
	view.First = skip + 1
	_, err := timeline.Events(ctx, ask.o, timeline.Input{Case: s.Case}, func(e *timeline.Event) error {
		node := ""
		if n := b.Event(e); n != nil {
			node = n.ID
		}
		row := rewritten(rewritten(rowOf(e, l.lane(e, node)), mask), safetext.Escape)
		if !row.has(ask.words) {
			return nil
		}
		if skip > 0 {
			skip--
			return nil
		}
		if len(view.Rows) == pageRows {
			view.Next = ask.link(ask.Page + 1)
			return errEnough
		}
		view.Rows = append(view.Rows, row)
		return nil
	})
	if ask.Page > 0 {
		view.Prev = ask.link(ask.Page - 1)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// has says whether every word stands somewhere in a row.
func (r EventRow) has(words []string) bool {
	return hasAll(words, stamp(r.Time), string(r.Lane), r.Who, r.Where, r.Call, r.Outcome, r.Text, strings.Join(r.Tags, " "), r.ID, r.Path)
}

func hasAll(words []string, texts ...string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(texts, "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
