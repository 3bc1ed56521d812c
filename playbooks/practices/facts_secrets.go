package practices

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
	"github.com/freezeframe-ir/freezeframe/internal/inspect"
)

// SecurityHub are controls of Security Hub that are not of its FSBP standard.
const SecurityHub = "Security Hub"

// maxPackage is more than Lambda takes: 250 MB unpacked, layers included.
const maxPackage = 300 << 20

// Secret is the document secretsmanager.secret: what it is, never its value.
type Secret struct {
	ARN, Name, RotationLambdaARN              string
	RotationEnabled                           bool
	RotationRules                             struct{ AutomaticallyAfterDays int64 }
	CreatedDate, LastRotatedDate, DeletedDate time.Time
}

// readsNamed is what knowing the stored secrets that the function names takes.
func readsNamed(more ...string) []string { return append([]string{"secrets.references"}, more...) }

// named are the secrets ("secretsmanager") or parameters ("ssm") that the function's
// environment, role or mappings name by ARN; a gap where there may be more.
func (f *Facts) named(service string) (arns []string, gaps []Finding) {
	d := doc[struct{ References []struct{ Arn string } }](f, "secrets.references", "", "")
	if d.Gap != nil {
		gaps = append(gaps, unknown(f.Function, d.Gap))
	}
	if slices.Contains(f.qualifiers("secrets.references", ""), "*") {
		if rest := doc[struct{}](f, "secrets.references", "", "*"); rest.Gap != nil {
			gaps = append(gaps, unknown(f.Function, rest.Gap))
		}
	}
	for _, r := range d.V.References {
		if part(r.Arn, 2) == service {
			arns = append(arns, r.Arn)
		}
	}
	return arns, gaps
}

// eachSecret judges every secret that the function names and that is there.
func (f *Facts) eachSecret(judge func(arn string, d Doc[Secret]) Finding) []Finding {
	arns, out := f.named("secretsmanager")
	for _, arn := range arns {
		switch d := doc[Secret](f, "secretsmanager.secret", arn, ""); {
		case d.None:
			out = append(out, notApplicable(arn, "there is no such secret any more"))
		case !d.Has:
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
		default:
			out = append(out, judge(arn, d))
		}
	}
	return out
}

// eachKey judges the key of the environment of $LATEST; of older versions' keys collections
// have the ARN only.
func (f *Facts) eachKey(judge func(arn string) Finding) []Finding {
	d := doc[GetFunction](f, "lambda.configuration", "", "$LATEST")
	switch arn := d.V.Configuration.KMSKeyArn; {
	case !d.Has:
		return []Finding{unknown(f.qualified("$LATEST"), orNone(d.Gap, d.Origin))}
	case arn == "":
		return []Finding{notApplicable(f.qualified("$LATEST"), "its environment is under Lambda's own key")}
	default:
		return []Finding{judge(arn)}
	}
}

// compact is a policy on one line, as a command takes it.
func compact(d iampolicy.Document) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(d.String())) != nil {
		return d.String() // what was parsed is JSON
	}
	return b.String()
}

// scans are what was found in packages, each once, however many versions have it.
type scans struct {
	scanner *inspect.Scanner
	found   map[string]*inspect.Inspection // by SHA-256
}

// scanned looks through a package or layer for secrets: where and of which kind, never which.
// none: AWS says there is no package.
func (f *Facts) scanned(artefact, arn, qualifier string) (x *inspect.Inspection, at Origin, none bool, gap *Gap) {
	at = Origin{Artefact: artefact, Source: evidence.Source{ARN: orFunction(f, arn), Qualifier: qualifier}}
	if !f.reads(artefact) {
		return nil, at, false, &Gap{Artefact: artefact, Source: at.Source, State: evidence.NotAttempted, Note: "the check does not say that it reads this"}
	}
	e := f.x.entries[keyOf(artefact, at.Source)]
	switch {
	case e == nil:
		return nil, at, false, &Gap{Artefact: artefact, Source: at.Source, State: evidence.NotAttempted, Note: "no sealed collection of this case asked for it"}
	case e.state == evidence.Absent:
		return nil, at, true, nil
	case e.item == nil || !e.state.Complete():
		return nil, at, false, e.why(artefact)
	case e.item.Size > maxPackage:
		gap = e.why(artefact)
		gap.State, gap.Note = evidence.TooLarge, "larger than Lambda takes: freezeframe inspect"
		return nil, at, false, gap
	}
	ref := e.bag.Ref(*e.item)
	at.Source, at.Ref = e.source, &ref
	x, gap = f.scan(e)
	return x, at, false, gap
}

func (f *Facts) scan(e *entry) (*inspect.Inspection, *Gap) {
	s := &f.x.scans
	if x := s.found[e.item.SHA256]; x != nil {
		return x, nil
	}
	gap := e.why(e.item.Artefact)
	x, err := f.inspected(s, e)
	switch {
	case errors.Is(err, evidence.ErrDamaged):
		gap.State, gap.Note = evidence.Mismatch, "the bytes are not those that were sealed: freezeframe verify"
		return nil, gap
	case err != nil:
		f.err = errors.Join(f.err, err)
		return nil, gap
	case x.Entries == nil || len(x.Entries) == 0 && len(x.Odd) > 0:
		gap.State, gap.Note = evidence.Unreadable, "it is no archive that can be looked into, or the case is sealed and no identity that opens it is at hand"
		return nil, gap
	}
	s.found[e.item.SHA256] = x
	return x, nil
}

func (f *Facts) inspected(s *scans, e *entry) (x *inspect.Inspection, err error) {
	if s.scanner == nil {
		if s.scanner, err = inspect.NewScanner(); err != nil {
			return nil, err
		}
		s.found = map[string]*inspect.Inspection{}
	}
	copied, err := e.bag.OpenCopy(f.ctx, *e.item)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	return inspect.Package(f.ctx, copied, copied.Size, s.scanner)
}
