package digest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// grace is how late digests come: one an hour, some time after the hour.
const grace = 2 * time.Hour

// chainID is what the digests of one chain share. A trail may change its bucket.
type chainID struct {
	scope
	trail, home string
	backfill    bool
}

// link is a chain that is being put together, its digests in order of time.
type link struct {
	*Chain
	id    chainID
	files []*file
}

func (l *link) problem(kind Kind, f *file, from, to time.Time, why string, args ...any) {
	p := Problem{Kind: kind, Why: fmt.Sprintf(why, args...), From: from, To: to}
	if f != nil {
		p.File = f.name()
	}
	l.Problems = append(l.Problems, p)
}

// chains sorts the digests into chains and judges them.
func (v *validator) chains() {
	all := map[chainID]*link{}
	var order []*link
	for _, f := range v.digests {
		if !f.named {
			v.problem(Problem{Kind: DigestMisnamed, File: f.name(), Why: "it lies among the digests, and is not named as CloudTrail names one"})
			continue
		}
		id := chainID{f.scope(), f.Trail, f.Home, f.Backfill}
		if all[id] == nil {
			all[id] = &link{id: id, Chain: &Chain{Trail: id.trail, Home: id.home, Account: id.account, Organization: id.organization, Region: id.region, Backfill: id.backfill, Valid: []Period{}}}
			order = append(order, all[id])
		}
		all[id].files = append(all[id].files, f)
	}
	slices.SortFunc(order, func(a, b *link) int { return strings.Compare(fmt.Sprint(a.id), fmt.Sprint(b.id)) })
	v.vouched = map[spot][]Period{}
	for _, l := range order {
		slices.SortFunc(l.files, func(a, b *file) int { return a.Stamp.Compare(b.Stamp) })
		l.Digests = len(l.files)
		v.signatures(l)
		v.links(l)
		v.namings(l)
		v.stretches(l)
		v.report.Chains = append(v.report.Chains, *l.Chain)
	}
}

// signatures judges each digest by itself.
func (v *validator) signatures(l *link) {
	noKeys := false
	for i, f := range l.files {
		kind, err := v.judge(f, l.files[i+1:])
		switch {
		case err == nil:
			f.state = good
			l.ValidDigests++
		case errors.Is(err, errNoKeys):
			f.state, noKeys = unproven, true
		case kind == Unproven:
			f.state = unproven
			l.problem(kind, f, f.doc.start, f.doc.end, "%v", err)
		default:
			from := f.Stamp
			if f.doc != nil {
				from = f.doc.start
			}
			l.problem(kind, f, from, f.Stamp, "%v", err)
		}
	}
	if noKeys {
		l.problem(NoKeys, nil, time.Time{}, time.Time{}, "the public keys of %s are not at hand: that its digests agree with each other is all that can be said", l.Region)
	}
}

// judge says what is wrong with a digest. later are the digests after it.
func (v *validator) judge(f *file, later []*file) (Kind, error) {
	switch {
	case errors.Is(f.err, ErrTrailing):
		return DigestTrailing, f.err
	case f.err != nil:
		return DigestUnreadable, f.err
	case v.place(f.doc.Bucket, f.doc.Object) != v.place(f.Bucket, f.Key):
		return DigestMoved, fmt.Errorf("its text says that it is s3://%s/%s", f.doc.Bucket, f.doc.Object)
	}
	signature := f.Signature
	if signature == "" && f.NoMetadata {
		// The digest after it carries its signature, signed in turn.
		for _, n := range later {
			if n.err == nil && n.doc.PreviousObject != nil && v.place(*n.doc.PreviousBucket, *n.doc.PreviousObject) == v.place(f.Bucket, f.Key) {
				signature = *n.doc.PreviousSignature
			}
		}
	}
	if signature == "" {
		if v.in.Keys[f.Region] == nil && v.in.Keys[AnyRegion] == nil {
			return NoKeys, errNoKeys
		}
		if f.NoMetadata {
			return Unproven, errors.New("its signature is not at hand: S3 keeps it in the object's metadata, and the digest after it is not here")
		}
		return DigestUnsigned, errors.New("S3 keeps no signature with it: the object was written again, or copied without its metadata")
	}
	err := v.in.Keys.verify(f.Region, f.doc, f.hash, signature)
	switch {
	case errors.Is(err, errUnknownKey):
		return DigestKey, fmt.Errorf("%w: %s in %s", err, f.doc.Fingerprint, f.Region)
	case err != nil:
		return DigestSignature, err
	}
	return "", nil
}

// links follows each digest to the one before it.
func (v *validator) links(l *link) {
	for i, f := range l.files {
		if f.state == bad || f.doc.PreviousObject == nil {
			continue
		}
		bucket, key := *f.doc.PreviousBucket, *f.doc.PreviousObject
		name := "s3://" + bucket + "/" + key
		before := v.at[v.place(bucket, key)]
		var from time.Time // what the missing one is about begins where the last before it ends
		if i > 0 {
			from = l.files[i-1].Stamp
		}
		switch {
		case before != nil && before.state != bad:
			hash := f.doc.PreviousHash
			if hash != nil && *hash != before.hash || before.Signature != "" && *f.doc.PreviousSignature != before.Signature {
				l.problem(DigestChain, before, before.doc.start, before.doc.end, "the digest after it, %s, has another hash or signature for it", f.name())
			}
		case before != nil: // what is wrong with it is said
		case v.in.Listed[bucket+"/"+key]:
			l.Problems = append(l.Problems, Problem{Kind: NotCollected, File: name, From: from, To: f.doc.start, Why: "the digest was listed, and not collected"})
		case v.looked(bucket, key) || len(v.in.Looks) == 0 && i > 0:
			l.Problems = append(l.Problems, Problem{Kind: DigestMissing, File: name, From: from, To: f.doc.start, Why: "the digest after it names it, and it is not there"})
		case i > 0:
			l.Problems = append(l.Problems, Problem{Kind: NotCollected, File: name, From: from, To: f.doc.start, Why: "the digest is of days that were not listed"})
		default:
			l.Before = name
		}
	}
}

// looked says whether an object would be at hand if it were there.
func (v *validator) looked(bucket, key string) bool {
	return slices.ContainsFunc(v.in.Looks, func(k Look) bool { return k.holds(bucket, key) })
}

func (k Look) holds(bucket, key string) bool {
	rest, under := strings.CutPrefix(key, k.Prefix)
	day := rest[:min(len(rest), len("2006/01/02"))]
	return under && (k.Bucket == bucket || k.Bucket == "") && k.From <= day && day <= k.To
}

// stretches says for which time the digests vouch, and for which they do not.
func (v *validator) stretches(l *link) {
	var last *file
	for _, f := range l.files {
		if f.state == bad {
			continue
		}
		v.vouched[f.spot()] = append(v.vouched[f.spot()], Period{f.doc.start, f.doc.end})
		if last != nil && f.doc.start.After(last.doc.end) && !l.Backfill {
			why := "digests are missing, not collected or not valid"
			if f.doc.PreviousObject == nil {
				why = "the chain begins anew: the trail did not log, or did not validate its files"
			}
			l.problem(NoDigest, nil, last.doc.end, f.doc.start, "%s", why)
		}
		last = f
	}
	if l.Backfill {
		return // they are about single hours, whatever lies between
	}
	for _, k := range v.in.Looks {
		v.ends(l, k, last)
	}
}

// ends are the stretches before the first and behind the last digest, as far as was looked.
func (v *validator) ends(l *link, k Look, last *file) {
	inside := slices.ContainsFunc(l.files, func(f *file) bool { return k.holds(f.Bucket, f.Key) || f.Path != "" && k.Prefix == "" })
	from, err := time.Parse("2006/01/02", k.From)
	to, toErr := time.Parse("2006/01/02", k.To)
	if err != nil || toErr != nil || !inside {
		return
	}
	if to = to.AddDate(0, 0, 1); !k.At.IsZero() && k.At.Before(to) {
		to = k.At
	}
	if last == nil {
		l.problem(NoDigest, nil, from, to, "no digest is valid")
		return
	}
	i := slices.IndexFunc(l.files, func(f *file) bool { return f.state != bad })
	if first := l.files[i]; first.doc.start.After(from) {
		why := "no digest is of this time: the trail did not log yet, or did not validate its files"
		if first.doc.PreviousObject != nil {
			why = "digests are missing or not valid"
		}
		l.problem(NoDigest, nil, from, first.doc.start, "%s", why)
	}
	if to.Sub(last.doc.end) > grace {
		l.problem(NoDigest, nil, last.doc.end, to, "no digest is of this time: the trail did not log any more, did not validate its files, or the newest digests were taken away")
	}
}
