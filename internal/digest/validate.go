package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Object is a digest or a log file at hand.
type Object struct {
	Bucket     string    // "" of plain files: nobody says
	Key        string    // in the bucket; of plain files from the folder "AWSLogs" on
	Path       string    // where a plain file lies
	Signature  string    // hex, S3's metadata "signature"
	NoMetadata bool      // what S3 kept with it is not at hand
	Modified   time.Time // S3's LastModified, where it is known
	Open       func(ctx context.Context) (io.ReadCloser, error)
}

func (o *Object) name() string {
	if o.Path != "" {
		return o.Path
	}
	return "s3://" + o.Bucket + "/" + o.Key
}

// Look is a part of a bucket that was listed whole: what is not at hand of it is not there.
type Look struct {
	Bucket, Prefix string // the prefix ends before the day
	From, To       string // days, "2006/01/02", both included
	At             time.Time
}

// Input is what is at hand.
type Input struct {
	Objects []Object
	Keys    Keys
	Looks   []Look
	// Listed are objects, as "bucket/key", that were seen in a listing.
	Listed map[string]bool
	// Loose are the places, as "bucket/prefix", to which a trail delivers without digests:
	// a log file there that no digest names may be of that trail.
	Loose []string
	// Problems were met when the input was gathered.
	Problems []Problem
	Workers  int // files read at once; 0 is the number of CPUs, at most 8
}

// maxObjects bounds what is remembered, some half a kilobyte a file.
const maxObjects = 1 << 20

// ErrTooMany: more files than are validated at once.
var ErrTooMany = errors.New("too many files to validate at once")

// Validate holds every file at hand against the digests, and the digests against the public
// keys and each other. Its error is one of reading or of ctx: what is wrong with the files is
// in the report.
func Validate(ctx context.Context, in Input) (Report, error) {
	if len(in.Objects) > maxObjects {
		return Report{}, fmt.Errorf("%w: %d, and at most %d", ErrTooMany, len(in.Objects), maxObjects)
	}
	v := &validator{in: in, at: map[string]*file{}, named: map[string]bool{}, missing: map[string]*naming{}}
	for i := range in.Objects {
		v.take(&in.Objects[i])
	}
	if err := v.readAll(ctx); err != nil {
		return Report{}, err
	}
	v.chains()
	v.logs()
	v.report.Problems = append(v.report.Problems, in.Problems...)
	for i := range v.report.Chains {
		sortProblems(v.report.Chains[i].Problems)
	}
	sortProblems(v.report.Problems)
	return v.report, nil
}

func sortProblems(p []Problem) {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.File, b.File), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Why, b.Why))
	})
}

type validator struct {
	in       Input
	digests  []*file
	logFiles []*file
	at       map[string]*file // by place: the first of what lies twice in a case
	named    map[string]bool  // log files that valid digests name, by place
	missing  map[string]*naming
	vouched  map[spot][]Period // the time of digests that nothing is wrong with
	report   Report
}

// file is an object that was read.
type file struct {
	*Object
	Name
	named bool // as CloudTrail names it
	err   error
	hash  string
	doc   *Document
	state state // of a digest
}

// state of a digest.
type state int

const (
	bad      state = iota
	unproven       // nothing is wrong with it, and nothing vouches for it
	good
)

// scope is what a trail's chain is apart from the trail.
type scope struct{ organization, account, region string }

func (f *file) scope() scope { return scope{f.Organization, f.Account, f.Region} }

// spot is where a trail delivers to: a digest says nothing of what lies elsewhere.
type spot struct {
	scope
	where string // bucket and prefix, or the folder of plain files
}

func (f *file) spot() spot {
	at := f.Bucket + "/" + f.Key
	if f.Path != "" {
		at = filepath.ToSlash(f.Path)
	}
	return spot{f.scope(), strings.TrimSuffix(strings.TrimSuffix(at, tail(f.Key)), "/")}
}

// place identifies an object. Of plain files nobody knows the bucket, nor the prefix.
func (v *validator) place(bucket, key string) string {
	if v.plain() {
		return tail(key)
	}
	return bucket + "/" + key
}

func (v *validator) plain() bool { return len(v.in.Objects) > 0 && v.in.Objects[0].Path != "" }

func (v *validator) take(o *Object) {
	f := &file{Object: o}
	f.Name, f.named = ParseName(o.Key)
	where := v.place(o.Bucket, o.Key)
	if v.at[where] != nil {
		return // collected twice: a bucket's objects do not change, and if one did, the bags say so
	}
	digests, logs := folder(o.Key)
	switch {
	case digests:
		v.digests = append(v.digests, f)
	case logs:
		v.logFiles = append(v.logFiles, f)
		v.report.LogFiles++
	default:
		return
	}
	v.at[where] = f
}

func (v *validator) problem(p Problem) { v.report.Problems = append(v.report.Problems, p) }

// readAll reads every file: digests are parsed, log files hashed.
func (v *validator) readAll(ctx context.Context) error {
	g, group := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(v.in.Workers, min(runtime.NumCPU(), 8)))
	for _, f := range append(slices.Clone(v.digests), v.logFiles...) {
		if group.Err() != nil {
			break
		}
		g.Go(func() error {
			r, err := f.Open(group)
			if err != nil {
				f.err = err
				return group.Err()
			}
			if digests, _ := folder(f.Key); digests {
				f.doc, f.hash, f.err = read(r)
			} else {
				f.hash, f.err = sumOf(r)
			}
			f.err = errors.Join(f.err, r.Close())
			return group.Err()
		})
	}
	return errors.Join(g.Wait(), ctx.Err())
}
