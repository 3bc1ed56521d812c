package timeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/digest"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Unseen is something that the records at hand cannot show. It never says that nothing
// happened there.
type Unseen struct {
	Kind   UnseenKind `json:"kind"`
	Where  string     `json:"where,omitempty"` // trail, region or file
	From   time.Time  `json:"from,omitzero"`
	To     time.Time  `json:"to,omitzero"`
	Text   string     `json:"text"` // one line, not escaped: "cannot see ..."
	Events []string   `json:"events,omitempty"`
}

// UnseenKind says why something cannot be seen.
type UnseenKind string

// Kinds, in the order in which they are told.
const (
	UnseenStopped    UnseenKind = "stopped" // somebody stopped a trail or an event data store, as the records say
	UnseenChanged    UnseenKind = "changed" // somebody changed what a trail records or where to
	UnseenDamaged    UnseenKind = "damaged" // a log file or digest was altered, taken away or added
	UnseenNotLogging UnseenKind = "not-logging"
	UnseenData       UnseenKind = "data-events"
	UnseenRegions    UnseenKind = "regions"
	UnseenTime       UnseenKind = "time"
	UnseenUnvouched  UnseenKind = "unvouched" // no valid digest vouches for log files
	UnseenUnread     UnseenKind = "unread"
)

var unseenOrder = []UnseenKind{UnseenStopped, UnseenChanged, UnseenDamaged, UnseenNotLogging, UnseenData, UnseenRegions, UnseenTime, UnseenUnvouched, UnseenUnread}

// maxUnseen bounds each kind: what is over it is told in one line.
const maxUnseen = 100

// blind gathers, bag by bag, what bounds the view.
type blind struct {
	regions map[string]bool // that records were asked for in
	lookups bool
	files   bool // a trail's log files, which alone hold data events
	digests bool
	trails  map[string]*trailSeen // by ARN, as the newest bag has them
	noTrail map[string]bool       // regions that no trail records
	trouble []Unseen
}

func newBlind() blind {
	return blind{regions: map[string]bool{}, trails: map[string]*trailSeen{}, noTrail: map[string]bool{}}
}

// look takes what an entry of the coverage says.
func (b *blind) look(ctx context.Context, bag *evidence.Bag, e evidence.Entry) {
	region := e.Source.Region
	switch {
	case e.Artefact == "cloudtrail.trails" && e.State == evidence.Absent:
		b.noTrail[region] = true
	case e.Item == nil:
	case e.Artefact == "cloudtrail.lookup":
		b.lookups, b.regions[region] = true, true
	case e.Artefact == "cloudtrail.log":
		b.files, b.regions[region] = true, true
	case e.Artefact == "cloudtrail.digest":
		b.digests = true
	case strings.HasPrefix(e.Artefact, "cloudtrail.trails"):
		if err := b.trail(ctx, bag, *e.Item); err != nil {
			b.trouble = append(b.trouble, Unseen{Kind: UnseenUnread, Where: bag.Ref(*e.Item).Path, Text: fmt.Sprintf("cannot see what %s says of the trails: %v", bag.Ref(*e.Item).Path, err)})
		}
	}
}

// unseen puts together what cannot be seen, once all inputs are read.
func (r *run) unseen(ctx context.Context, f *facts) error {
	all := f.controls.windows(r.o.Filter)
	if r.in.Case != nil {
		all = append(all, r.blind.told(r.o.Function)...)
		all = append(all, r.beyond()...)
		if r.o.Validate && (r.blind.files || r.blind.digests) {
			found, err := r.validate(ctx)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
	} else {
		all = append(all, Unseen{Kind: UnseenRegions, Text: "cannot see what lies in none of the files: without a case nobody says which regions, hours and kinds of events were recorded"})
	}
	if r.sum.Skips > 0 {
		all = append(all, Unseen{Kind: UnseenUnread, Text: fmt.Sprintf("cannot see what is in %d records or files that could not be read", r.sum.Skips)})
	}
	slices.SortStableFunc(all, func(a, b Unseen) int {
		return cmp.Or(slices.Index(unseenOrder, a.Kind)-slices.Index(unseenOrder, b.Kind), a.From.Compare(b.From), strings.Compare(a.Text, b.Text))
	})
	r.sum.Unseen = shortened(all)
	return nil
}

// shortened keeps the first of each kind, and says how many more there are.
func shortened(all []Unseen) []Unseen {
	var out []Unseen
	count := map[UnseenKind]int{}
	for i, u := range all {
		n := count[u.Kind]
		if count[u.Kind]++; n < maxUnseen {
			u.Text, u.Where = cut(u.Text, MaxField), cut(u.Where, MaxField)
			out = append(out, u)
		}
		if last := i+1 == len(all) || all[i+1].Kind != u.Kind; last && count[u.Kind] > maxUnseen {
			out = append(out, Unseen{Kind: u.Kind, Text: fmt.Sprintf("cannot see %d more things of this kind", count[u.Kind]-maxUnseen)})
		}
	}
	return out
}

// beyond is what lies outside of the regions and the time that were asked for.
func (r *run) beyond() []Unseen {
	var out []Unseen
	if regions := slices.Sorted(maps.Keys(r.blind.regions)); len(regions) > 0 {
		out = append(out, Unseen{Kind: UnseenRegions, Text: "cannot see calls in other regions than " + strings.Join(regions, ", ") + ": there nothing was asked for (freezeframe collect --also-region all)"})
	} else {
		out = append(out, Unseen{Kind: UnseenRegions, Text: "cannot see any call: the case holds no records of CloudTrail"})
	}
	if from := r.sum.CloudTrailFrom; !from.IsZero() {
		out = append(out, Unseen{Kind: UnseenTime, To: from, Text: "cannot see what the event history has before " + from.Format(time.RFC3339) + ": it was not asked for"})
	}
	if to := r.sum.CloudTrailTo; !to.IsZero() {
		out = append(out, Unseen{Kind: UnseenTime, From: to, Text: "cannot see all that came after " + to.Format(time.RFC3339) + ": records arrive late (freezeframe collect --settle)"})
	}
	return out
}

// validate holds the case's log files against the digests.
func (r *run) validate(ctx context.Context) ([]Unseen, error) {
	in, err := digest.FromCase(ctx, r.in.Case)
	if err != nil {
		return nil, err
	}
	report, err := digest.Validate(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("validating CloudTrail's files: %w", err)
	}
	r.sum.DamagedFiles = report.Damaged()
	var out []Unseen
	uncovered := 0
	for chain, p := range report.All {
		switch {
		case p.Kind == digest.LogUncovered: // the stretch without digests is told; of files there are many
			uncovered++
		default:
			out = append(out, unseenFile(chain, p))
		}
	}
	if uncovered > 0 {
		out = append(out, Unseen{Kind: UnseenUnvouched, Text: fmt.Sprintf("cannot see whether %d log files are as CloudTrail delivered them: no valid digest is of their time", uncovered)})
	}
	return out, nil
}

func unseenFile(chain *digest.Chain, p digest.Problem) Unseen {
	u := Unseen{Kind: UnseenUnvouched, Where: p.File, From: p.From, To: p.To}
	if p.Kind.Damage() {
		u.Kind = UnseenDamaged
	}
	trail := ""
	if chain != nil {
		trail = fmt.Sprintf(" of trail %s in %s", chain.Trail, chain.Region)
		u.Where = cmp.Or(u.Where, chain.Trail+" "+chain.Region)
	}
	between := ""
	if !p.From.IsZero() && p.To.After(p.From) {
		between = fmt.Sprintf(" from %s to %s", p.From.UTC().Format(time.RFC3339), p.To.UTC().Format(time.RFC3339))
	}
	switch p.Kind {
	case digest.LogMissing, digest.NotCollected:
		u.Text = fmt.Sprintf("cannot see what was in %s: %s", p.File, p.Why)
	case digest.LogAltered, digest.LogUnreadable, digest.LogTrailing, digest.Changed:
		u.Text = fmt.Sprintf("cannot see what CloudTrail wrote to %s: %s", p.File, p.Why)
	case digest.LogUnnamed, digest.LogRenamed, digest.LogMisnamed:
		u.Text = fmt.Sprintf("cannot see that %s is from CloudTrail: %s", p.File, p.Why)
	default:
		u.Text = fmt.Sprintf("cannot see whether the log files%s%s are whole and all there: %s", trail, between, p.Why)
		if p.File != "" {
			u.Text += " (" + p.File + ")"
		}
	}
	return u
}
