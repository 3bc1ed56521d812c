package timeline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// listCase gives every artefact that a source reads, bag by bag, and books what is missing.
func (r *run) listCase(ctx context.Context, s *Sink, give func(task) error) error {
	sources := Sources()
	r.own.kase = r.in.Case.ID
	for b, err := range r.in.Case.Bags(ctx) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case b == nil:
			s.Skip(Raw{Path: "collections/"}, 0, 0, fmt.Sprintf("bags cannot be listed: %v", err))
			continue
		case err != nil:
			s.Skip(bagRaw(b), 0, 0, fmt.Sprintf("the bag cannot be read: %v", err))
			continue
		}
		if err := r.listBag(ctx, b, sources, s, give); err != nil {
			return err
		}
	}
	r.window()
	return ledgerEvents(ctx, r.in.Case, s)
}

func (r *run) listBag(ctx context.Context, b *evidence.Bag, sources []Source, s *Sink, give func(task) error) error {
	r.own.learn(ctx, b, s)
	if b.Header().Kind == evidence.KindContainment {
		if err := journalEvents(ctx, b, s); err != nil {
			return err
		}
	}
	if b.Header().Kind == evidence.KindPlaybook { // it tells of steps, whose evidence and acts lie in bags of their own
		return nil
	}
	if !b.Sealed() {
		r.gap(Gap{Artefact: "bag", Source: b.ID(), State: "unfinished", Why: "the bag was never sealed; what it holds is not read"})
		return nil
	}
	entries, err := b.Coverage(ctx)
	if err != nil {
		s.Skip(bagRaw(b), 0, 0, fmt.Sprintf("its coverage cannot be read: %v", err))
		return ctx.Err()
	}
	var complete time.Time
	for _, e := range entries {
		r.coverage(e, &complete)
		r.blind.look(ctx, b, e)
		r.packages.learn(b, e)
		if e.Item == nil || e.Item.Sensitive {
			continue
		}
		i := slices.IndexFunc(sources, func(x Source) bool { return x.Reads(*e.Item) })
		if i < 0 {
			continue
		}
		it := *e.Item
		open := func(ctx context.Context) (io.ReadCloser, error) { return b.Open(ctx, it) }
		if err := give(task{source: sources[i], raw: rawOf(b.Ref(it)), item: it, name: it.Artefact, open: open}); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if complete.After(r.sum.CloudTrailTo) {
		r.sum.CloudTrailTo = complete
	}
	return nil
}

func bagRaw(b *evidence.Bag) Raw {
	return Raw{Bag: b.ID(), Path: "collections/" + b.ID() + "/"}
}

func (r *run) gap(g Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, g)
}

// coverage books what an entry says about the records of calls and logs: gaps, and how
// far the records reach. A bag's records are complete to the earliest end of its lookups.
func (r *run) coverage(e evidence.Entry, complete *time.Time) {
	if !tells(e.Artefact) {
		return
	}
	if !e.State.Complete() {
		g := Gap{Artefact: e.Artefact, Source: sourceText(e.Source), State: string(e.State)}
		if e.Gap != nil {
			g.Why = cmp.Or(e.Gap.Error, e.Gap.Note)
		} else if e.Item != nil {
			g.Why = e.Item.Note
		}
		r.gap(g)
	}
	if e.Artefact != "cloudtrail.lookup" || e.Item == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if from, err := parseTime(e.Item.Params["StartTime"]); err == nil && (r.sum.CloudTrailFrom.IsZero() || from.Before(r.sum.CloudTrailFrom)) {
		r.sum.CloudTrailFrom = from
	}
	if to, err := parseTime(e.Item.Params["EndTime"]); err == nil {
		if asked := e.Item.Started.Add(-late); !e.Item.Started.IsZero() && asked.Before(to) {
			to = asked // what happened later may not have arrived when it was asked for
		}
		if complete.IsZero() || to.Before(*complete) {
			*complete = to
		}
	}
}

// tells says whether a timeline lacks something where that artefact does: records of calls,
// logs, and what watches a function.
func tells(artefact string) bool {
	for _, p := range []string{"cloudtrail.", "logs.", "config.history", "guardduty.findings", "inspector2.findings", "accessanalyzer.findings", "xray.summaries", "xray.traces"} {
		if strings.HasPrefix(artefact, p) {
			return true
		}
	}
	return false
}

func sourceText(s evidence.Source) string {
	return strings.Join(slices.DeleteFunc([]string{s.ARN, s.Qualifier, s.Region}, func(v string) bool { return v == "" }), " ")
}

// window turns the asked-for period into gaps where the collected records do not reach.
func (r *run) window() {
	from, to := r.sum.CloudTrailFrom, r.sum.CloudTrailTo
	if from.IsZero() || to.IsZero() {
		return
	}
	if !r.o.Since.IsZero() && r.o.Since.Before(from) {
		r.gap(Gap{Artefact: "cloudtrail.lookup", State: "not_covered", Why: "records were collected from " + from.Format(time.RFC3339) + " on"})
	}
	if r.o.Until.After(to) {
		r.gap(Gap{Artefact: "cloudtrail.lookup", State: "not_covered", Why: "records are complete to " + to.Format(time.RFC3339)})
	}
}

// listPath gives the files at or under a path, by name. Links are not followed.
func listPath(path string, s *Sink, give func(task) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	if !info.IsDir() {
		return give(fileTask(path, path))
	}
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(path, p)
		if relErr != nil {
			rel = p
		}
		switch {
		case err != nil:
			s.Skip(Raw{Path: rel}, 0, 0, fmt.Sprintf("cannot be read: %v", err))
			return nil
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			s.Skip(Raw{Path: rel}, 0, 0, "not a regular file; links are not followed")
			return nil
		case strings.HasPrefix(d.Name(), "."):
			s.Skip(Raw{Path: rel}, 0, 0, "a hidden file")
			return nil
		}
		return give(fileTask(p, rel))
	})
}

func fileTask(path, shown string) task {
	open := func(context.Context) (io.ReadCloser, error) { return os.Open(path) }
	return task{source: cloudTrailSource(), raw: Raw{Path: filepath.ToSlash(shown)}, name: fileSource, open: open}
}
