package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// A fleet is what needs more than one look-up in the session's account and region: patterns,
// files, ARNs of elsewhere, further accounts.

const maxListLines = 100_000 // of a file of functions or accounts

var twelveDigits = regexp.MustCompile(`^\d{12}$`)

// asked sorts what was named by account. Nil: plain names, in the session's account and region.
func (p *program) asked(c *cli.Context, s *awsapi.Session) ([]collect.Asked, error) {
	named := slices.Clone(c.StringSlice("function"))
	lines, err := p.lines(c, "functions-file")
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		if len(l) != 1 {
			return nil, ui.UsageHint("a line is NAME, or arn:aws:lambda:REGION:ACCOUNT:function:NAME", "%s: entry %d: %q is more than the name of a function", c.String("functions-file"), i+1, strings.Join(l, " "))
		}
		named = append(named, l...)
	}
	for _, pattern := range c.StringSlice("match") {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, ui.UsageHint("freezeframe collect --match 'pay*'", "--match %q is no pattern", pattern)
		}
	}
	regions := c.StringSlice("in-region")
	if len(regions) == 0 {
		regions = []string{s.Region}
	}
	var arns, names []string
	for _, n := range named {
		if strings.HasPrefix(n, "arn:") {
			arns = append(arns, n)
		} else {
			names = append(names, n)
		}
	}
	plain := len(lines) == 0 && len(c.StringSlice("match")) == 0 && c.String("accounts-file") == "" && len(c.StringSlice("in-region")) == 0
	if plain && len(arns) == 0 {
		return nil, nil
	}
	all, err := p.accounts(c, s, names, regions)
	if err != nil {
		return nil, err
	}
	return addTargets(all, arns)
}

// accounts are those in which names and patterns are looked for.
func (p *program) accounts(c *cli.Context, s *awsapi.Session, names, regions []string) ([]collect.Asked, error) {
	patterns := c.StringSlice("match")
	for _, n := range names {
		if t, err := collect.ParseTarget(s.Identity.Account, s.Region, n); err != nil || t.Qualifier != "" {
			return nil, ui.UsageHint("freezeframe collect --function NAME --in-region REGION", "%q is not the name of a function (all versions are collected)", n)
		}
	}
	if c.String("accounts-file") == "" {
		if len(names)+len(patterns) == 0 {
			return nil, nil
		}
		return []collect.Asked{{Account: s.Identity.Account, Regions: regions, Names: names, Patterns: patterns}}, nil
	}
	lines, err := p.lines(c, "accounts-file")
	if err != nil {
		return nil, err
	}
	if len(names)+len(patterns) == 0 {
		return nil, ui.UsageHint("freezeframe collect --accounts-file FILE --match '*'", "--accounts-file says where to look, and neither --function NAME nor --match says for what")
	}
	var all []collect.Asked
	for i, l := range lines {
		if !twelveDigits.MatchString(l[0]) {
			return nil, ui.UsageHint("a line is 123456789012, or 123456789012 eu-west-1,us-east-1", "%s: entry %d: %q is not an account id of 12 digits", c.String("accounts-file"), i+1, l[0])
		}
		a := collect.Asked{Account: l[0], Regions: regions, Names: names, Patterns: patterns}
		if len(l) > 1 {
			a.Regions = strings.FieldsFunc(strings.Join(l[1:], ","), func(r rune) bool { return r == ',' })
		}
		all = append(all, a)
	}
	return all, nil
}

// addTargets adds functions that are named with their account and region.
func addTargets(all []collect.Asked, arns []string) ([]collect.Asked, error) {
	for _, arn := range arns {
		t, err := collect.ParseARN(arn)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(a collect.Asked) bool { return a.Account == t.Account })
		if i < 0 {
			i, all = len(all), append(all, collect.Asked{Account: t.Account})
		}
		all[i].Targets = append(all[i].Targets, t)
	}
	return all, nil
}

// enter makes a session in each account. Why there is none is the account's gap.
func enter(c *cli.Context, s *awsapi.Session, all []collect.Asked) []collect.Entered {
	out := make([]collect.Entered, len(all))
	var g errgroup.Group
	g.SetLimit(8)
	for i, a := range all {
		g.Go(func() error {
			out[i].Asked = a
			out[i].Session, out[i].Err = sessionIn(c, s, a.Account)
			return nil
		})
	}
	_ = g.Wait() // each says for itself
	return out
}

// there looks every function up that was named with its region, unless it may be deleted.
func there(ctx context.Context, all []collect.Entered, deleted bool) error {
	for _, a := range all {
		if a.Err != nil {
			return a.Err
		}
		for _, t := range a.Targets {
			cfg := a.Session.ReadOnly().Config("", collect.ResolveNeeds())
			if _, err := collect.ResolveTarget(ctx, cfg, t.Account, t.Region, t.ARN); err != nil && !(deleted && errors.Is(err, collect.ErrNoFunction)) {
				return err
			}
		}
	}
	return nil
}

// sessionIn is a session in an account: the one that is there, or the assumed role's.
func sessionIn(c *cli.Context, s *awsapi.Session, account string) (*awsapi.Session, error) {
	return sessionAs(c, s, account, "assume-role")
}

// sessionAs is sessionIn with the role that a flag names. A role of the account that the session is in
// is assumed too where it is another than the one that reads.
func sessionAs(c *cli.Context, s *awsapi.Session, account, flag string) (*awsapi.Session, error) {
	pattern := c.String(flag)
	switch {
	case account == s.Identity.Account && (flag == "assume-role" || pattern == ""):
		return s, nil
	case pattern == "":
		return nil, &collect.ElsewhereError{What: "account", Named: account, Session: s.Identity.Account}
	}
	in, err := s.Assume(c.Context, strings.ReplaceAll(pattern, "{account}", account))
	if err != nil {
		return nil, err
	}
	if in.Identity.Account != account {
		return nil, fmt.Errorf("--%s %s leads into account %s, not %s", flag, pattern, in.Identity.Account, account)
	}
	return in, nil
}

// resumeAll goes on in every account that can be entered.
func (p *program) resumeAll(c *cli.Context, s *awsapi.Session, opened *evidence.Case, bags []*evidence.Bag, h evidence.Header, o collect.Options) ([]collect.Collected, error) {
	var all []collect.Collected
	for _, b := range bags {
		x := collect.Collected{Account: b.Header().Account}
		var in *awsapi.Session
		if len(bags) == 1 && c.String("assume-role") == "" {
			in = s // it says itself where it was begun
		} else {
			var err error
			if in, err = sessionIn(c, s, x.Account); err != nil {
				p.s.Warn("account %s cannot be entered, and stays a gap: %v", x.Account, err)
				x.Summary.States = map[evidence.State]int{evidence.Denied: 1}
				all = append(all, x)
				continue
			}
		}
		x.Bag, x.Summary, x.Err = collect.Resume(c.Context, in, opened, b, h, o)
		all = append(all, x)
	}
	if len(all) == 1 && all[0].Bag == nil && all[0].Err != nil {
		return nil, all[0].Err
	}
	return all, nil
}

// lines reads a list: words a line, # begins a comment.
func (p *program) lines(c *cli.Context, flag string) ([][]string, error) {
	name := c.String(flag)
	if name == "" {
		return nil, nil
	}
	var in io.Reader = p.s.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, ui.UsageHint("freezeframe collect --help", "--%s: %w", flag, err)
		}
		defer f.Close()
		in = f
	}
	var out [][]string
	scan := bufio.NewScanner(in)
	for scan.Scan() {
		text, _, _ := strings.Cut(scan.Text(), "#")
		if words := strings.Fields(text); len(words) > 0 {
			out = append(out, words)
		}
		if len(out) > maxListLines {
			return nil, ui.UsageHint("split the file", "--%s %s has more than %d lines", flag, name, maxListLines)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, ui.Usage("--%s %s: %w", flag, name, err)
	}
	return out, nil
}
