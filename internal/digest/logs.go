package digest

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// naming is a log file as a digest names it.
type naming struct {
	Log
	by *file
	l  *link
}

// namings holds the log files that a chain's digests name against those at hand, and tells
// the stretches for which both are valid.
func (v *validator) namings(l *link) {
	for _, f := range l.files {
		if f.state == bad {
			continue
		}
		whole := f.state == good
		for i := range f.doc.Logs {
			if !v.naming(&naming{f.doc.Logs[i], f, l}) {
				whole = false
			}
		}
		if !whole {
			continue
		}
		if n := len(l.Valid); n > 0 && l.Valid[n-1].To.Equal(f.doc.start) {
			l.Valid[n-1].To = f.doc.end
		} else {
			l.Valid = append(l.Valid, Period{f.doc.start, f.doc.end})
		}
	}
}

func (v *validator) naming(n *naming) bool {
	where := v.place(n.Bucket, n.Object)
	v.named[where] = true
	l, d := n.l, n.by.doc
	l.Logs++
	at := v.at[where]
	tell := func(k Kind, why string) bool {
		l.Problems = append(l.Problems, Problem{Kind: k, File: "s3://" + n.Bucket + "/" + n.Object, Why: why, From: d.start, To: d.end})
		return false
	}
	switch {
	case at == nil && v.in.Listed[n.Bucket+"/"+n.Object]:
		return tell(NotCollected, "the log file was listed, and not collected")
	case at == nil && v.elsewhere(n):
		if !v.edge(n) {
			return tell(NotCollected, "the log file is of days that are not at hand")
		}
		l.Logs--
		return true
	case at == nil:
		v.missing[strings.ToLower(n.Hash)] = n
		return tell(LogMissing, "digest "+n.by.name()+" names it, and it is not there")
	case errors.Is(at.err, ErrTrailing):
		return tell(LogTrailing, at.err.Error())
	case at.err != nil:
		return tell(LogUnreadable, at.err.Error())
	case n.Algorithm != "SHA-256" || !strings.EqualFold(at.hash, n.Hash):
		return tell(LogAltered, "its SHA-256 is "+at.hash+", and digest "+n.by.name()+" has "+n.Hash)
	}
	if n.by.state == good {
		l.ValidLogs++
	}
	return true
}

// elsewhere says whether a log file would not be at hand even if it were there.
func (v *validator) elsewhere(n *naming) bool {
	if len(v.in.Looks) > 0 {
		return !v.looked(n.Bucket, n.Object)
	}
	name, ok := ParseName(n.Object) // plain files: a day of which there are none was not copied
	return ok && !slices.ContainsFunc(v.logFiles, func(f *file) bool {
		return f.Day == name.Day && f.scope() == scope{name.Organization, name.Account, name.Region}
	})
}

// edge says whether a log file is of the day before the first that was looked at: the first
// digest of a day names files of the evening before.
func (v *validator) edge(n *naming) bool {
	name, ok := ParseName(n.Object)
	return ok && slices.ContainsFunc(v.in.Looks, func(k Look) bool { return name.Day < k.From && n.by.Day >= k.From && k.holds(n.by.Bucket, n.by.Key) })
}

// logs looks at the log files that no digest names.
func (v *validator) logs() {
	for _, f := range v.logFiles {
		if v.named[v.place(f.Bucket, f.Key)] {
			continue
		}
		p := Problem{File: f.name(), From: f.Stamp, To: f.Stamp}
		twin := v.missing[f.hash]
		switch {
		case f.err == nil && twin != nil:
			p.Kind, p.Why = LogRenamed, "no digest names it; it is what digest "+twin.by.name()+" names s3://"+twin.Bucket+"/"+twin.Object
		case !f.named:
			p.Kind, p.Why = LogMisnamed, "it lies among the log files, and is not named as CloudTrail names one"
		case !v.covered(f):
			p.Kind, p.Why = LogUncovered, "no valid digest is of its time"
		case v.loose(f):
			p.Kind, p.Why = LogUncovered, "no digest names it; a trail without digests delivers to the same place"
		default:
			p.Kind, p.Why = LogUnnamed, "the digests of its time do not name it: it was added, or another trail without digests delivered it"
		}
		v.problem(p)
	}
}

// late is how long a log file may wait for its delivery: its digest is that of the delivery.
const late = time.Hour

// covered says whether a digest of a log file's time is at hand. A file that was delivered
// after the last digest is not covered yet; one that only says so by its name is.
func (v *validator) covered(f *file) bool {
	return slices.ContainsFunc(v.vouched[f.spot()], func(p Period) bool {
		if f.Stamp.Before(p.From) || f.Stamp.After(p.To) {
			return false
		}
		if f.Stamp.Before(p.To.Add(-late)) {
			return true
		}
		// Near the end of a period the digest after it may be the one, if there is one.
		next := slices.ContainsFunc(v.vouched[f.spot()], func(q Period) bool { return q.From.Equal(p.To) })
		return next || !f.Modified.IsZero() && !f.Modified.After(p.To) || f.Modified.IsZero() && f.Stamp.Before(p.To.Add(-late/4))
	})
}

func (v *validator) loose(f *file) bool {
	return slices.Contains(v.in.Loose, f.spot().where)
}
