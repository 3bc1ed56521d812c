package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

var (
	ulids  = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`)
	ourAct = regexp.MustCompile(`01-01 00:00:0[0-9]`) // how long the run waits for its quotas differs by a second
)

// briefText is the screen, with what is random or varies replaced by as many letters.
func briefText(t *testing.T, b *brief.Brief, width int) string {
	t.Helper()
	var out bytes.Buffer
	s := &ui.Streams{Out: &out, Err: &out, Width: width}
	if err := s.Show(b, func(p *ui.Printer) { showBrief(p, b, width) }); err != nil {
		t.Fatal(err)
	}
	return ourAct.ReplaceAllString(ulids.ReplaceAllString(out.String(), strings.Repeat("X", 26)), "01-01 00:00:0X")
}

// fits says whether a text is one screen.
func fits(t *testing.T, text string, width int) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > 45 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > width && !strings.HasPrefix(l, "  freezeframe ") && !strings.Contains(l, "more: ") {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
}

// TestBriefOfTheExercise: the case that the playbook leaves of the exercise, an hour later, on
// a clock that is always the same.
func TestBriefOfTheExercise(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		sc, err := tabletop.Find("code-overwrite")
		if err != nil {
			t.Fatal(err)
		}
		w, err := tabletop.Play(ctx, sc, tabletop.Options{Seed: 1, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		w.Live()
		v, err := vault.NewFolder(filepath.Join(dir, "case"))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "payments, code overwritten", Authority: "a", Operator: "Alice", Home: home})
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.Session(ctx, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		pb, err := playbooks.Find("lambda-compromise")
		if err != nil {
			t.Fatal(err)
		}
		yes := func(context.Context, playbooks.Question) (playbooks.Answer, error) {
			return playbooks.Answer{Approved: true, Who: "Alice"}, nil
		}
		env := &playbooks.Env{Session: s, Case: opened, Operator: "Alice", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Ask: yes}
		if _, err := playbooks.Execute(ctx, pb, map[string]any{"function": "payments", "since": 7 * time.Hour, "accept_shared_role": true, "watch": time.Second}, env); err != nil {
			t.Fatal(err)
		}
		if err := opened.Record(ctx, evidence.Event{Type: evidence.EventNote, Actor: "Alice", Reason: "night shift ends", Data: map[string]string{"kind": "handover", "to": "Dave"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		c := cli.NewContext(nil, nil, nil)
		c.Context = ctx
		b, err := brief.Of(ctx, briefInput(c, opened))
		if err != nil {
			t.Fatal(err)
		}
		got := briefText(t, b, 100)
		fits(t, got, 100)
		for _, secret := range tabletop.Secrets() {
			if strings.Contains(got, secret) {
				t.Errorf("a secret is shown")
			}
		}
		path := filepath.Join("testdata", "brief.golden")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("is\n%s\nwant\n%s", got, want)
		}
	})
}

// TestBriefOfEverything: a case that has too much of all still fits a screen, and what an
// attacker wrote moves no cursor.
func TestBriefOfEverything(t *testing.T) {
	now := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	const hostile = "\x1b[2J\u202eevil\npayments "
	b := &brief.Brief{ID: "01K", Title: strings.Repeat(hostile, 20), AsOf: now, Collected: now, MoreTurns: 400, MoreWho: 30, ActsErr: strings.Repeat(hostile, 9), Gaps: 999, Untold: make([]string, 9)}
	for i := range 30 {
		turn := brief.Turn{Sign: true, Line: strings.Repeat(hostile, 9)}
		turn.Where, turn.From = hostile, now
		arn := fmt.Sprintf("arn:aws:lambda:eu-west-1:123456789012:function:%d", i)
		if i < 8 {
			b.Happened, b.Functions = append(b.Happened, turn), append(b.Functions, arn)
		}
		if i < 4 {
			b.Who = append(b.Who, brief.Actor{Who: hostile, Addresses: []string{hostile, hostile, hostile}, Keys: []string{hostile}})
		}
		if i < 2 {
			b.Notes = append(b.Notes, brief.Note{At: now, Who: hostile, Text: hostile})
		}
		if i < 3 {
			b.Next = append(b.Next, brief.Command{Run: "freezeframe contain plan --function " + arn, Why: hostile})
		}
		b.Contained = append(b.Contained, brief.Act{Act: "grants-remove", Since: now})
		b.Open = append(b.Open, brief.Open{Kind: "public-grant", Function: arn, What: strings.Repeat(hostile, 9), Qualifiers: []string{hostile}})
		b.Missing = append(b.Missing, brief.Missing{Artefact: "lambda.code", Count: 3, Source: arn, Why: hostile})
		b.Deadlines = append(b.Deadlines, brief.Deadline{At: now, What: strings.Repeat(hostile, 9), Evidence: evidence.Ref{Item: "01K00000000000000000000000"}})
		b.Unread = append(b.Unread, strings.Repeat(hostile, 9))
	}
	got := briefText(t, b, 100)
	fits(t, got, 100)
	if strings.ContainsAny(got, "\x1b\u202e\r") {
		t.Errorf("%q", got)
	}
	if n := strings.Count(got, "[XXXXXXXXXXXXXXXXXXXXXXXXXX]"); n != briefDeadlines {
		t.Errorf("%d deadlines name their artefact:\n%s", n, got)
	}
}
