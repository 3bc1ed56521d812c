package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// tagged are the tags of a function or a role: what ABAC grants by, and guardrails leave
// out by. Those that AWS sets itself (aws:...) are nobody's to change, and left out.
type tagged struct {
	Tags map[string]string `json:"tags,omitempty"`
}

const (
	actTags          = "tags-back"
	actRoleTags      = "role-tags-back"
	partTagsKept     = "tags of the case"
	partRoleTagsKept = "role tags of the case"
	paramTags        = "tags"
)

func tagActs() []Act {
	function := Define(Doc[tagged]{
		Name: "lambda.tags",
		Needs: []awsapi.Need{
			on("Lambda:ListTags", "function ARN", false),
			when(on("Lambda:TagResource", "function ARN", true), "a tag was changed or removed, and undoing where one was added"),
			when(on("Lambda:UntagResource", "function ARN", true), "a tag was added, and undoing where one was removed"),
		},
		Resource: functionARN, Read: readTags, Between: betweenTags, Steps: tagSteps,
	}, tagEdit(actTags, OnFunction, "function", "function-tags", partTagsKept, tagsKept, nil))
	role := Define(Doc[tagged]{
		Name: "iam.role.tags",
		Needs: []awsapi.Need{
			on("IAM:ListRoleTags", "role ARN", false),
			when(on("IAM:TagRole", "role ARN", true), "a tag was changed or removed, and undoing where one was added"),
			when(on("IAM:UntagRole", "role ARN", true), "a tag was added, and undoing where one was removed"),
		},
		Resource: func(p Place) string { return p.Role }, Region: func(Place) string { return "" },
		Read: readRoleTags, Between: betweenTags, Steps: roleTagSteps,
	}, tagEdit(actRoleTags, OnRole, "role", "role-tags", partRoleTagsKept, roleTagsKept, roleOfFinding))
	return append(function, role...)
}

func tagEdit(act string, kind TargetKind, what, found, part string, read func(context.Context, aws.Config, *Survey) (*tagged, error), target func(finding.Finding) string) Edit[tagged] {
	return Edit[tagged]{
		Name:  act,
		About: "put the tags of the " + what + " back as the newest collection from before the first finding shows them; tags that AWS sets itself stay",
		Kind:  Evict, Attack: []string{"T1098"},
		Answers: []Answer{{Kind: found, Target: target}},
		On:      []TargetKind{kind},
		Parts:   []string{part}, Looks: []Part{Look(Part{Name: part, On: []TargetKind{kind}}, read, nil)},
		Keys: func(s *Survey) []string {
			if Found[*tagged](s, part) == nil {
				return nil
			}
			return []string{""}
		},
		Lacks: func(s *Survey) string {
			if Found[*tagged](s, part) != nil {
				return ""
			}
			return "no collection of the case is from before the first finding (--from-timeline) and holds its tags: they cannot be told from those that an intruder set"
		},
		Params: func(_ PlanInput, s *Survey) Params {
			good := Found[*tagged](s, part)
			if good == nil {
				return nil
			}
			b, err := canonical(good)
			if err != nil {
				return nil
			}
			return Params{paramTags: string(b)}
		},
		Apply: func(_ Place, before tagged, params Params) (tagged, error) {
			good, err := decode[tagged](json.RawMessage(params[paramTags]))
			if err != nil || maps.Equal(before.Tags, good.Tags) {
				return before, err
			}
			return good, nil
		},
		Destroys: func(p Place, _ tagged) []Artefact {
			if kind == OnRole {
				return []Artefact{{Name: "iam.role", ARN: p.Role}}
			}
			return []Artefact{{Name: "lambda.tags", ARN: p.ARN}}
		},
		Breaks: func(s *Survey, before map[string]tagged) []Impact {
			var all []Impact
			good := Found[*tagged](s, part)
			for _, key := range sortedKeys(before) {
				for _, k := range differingTags(before[key].Tags, good.Tags) {
					all = append(all, Impact{What: what, Resource: s.ARN, Detail: fmt.Sprintf("tag %s is %s again, not %s: what grants or leaves out by it does so again", k, orNone(good.Tags, k), orNone(before[key].Tags, k))})
				}
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"what was done while the tags were others' stays done; whoever may tag can do it again: contain the actor"}
		},
		Fixture: tagFixture(kind, found),
	}
}

// tagFixture: what the account of the tests was collected with is older than any such finding.
func tagFixture(kind TargetKind, found string) Fixture {
	arn := "arn:aws:lambda:eu-central-1:123456789012:function:payments"
	if kind == OnRole {
		arn = "arn:aws:iam::123456789012:role/service/payments-role"
	}
	return Fixture{Kept: true, Collected: true, Finding: &finding.Finding{Kind: found, Change: "changed", Action: "TagResource", Name: what(arn), ARN: arn, Account: "123456789012", Region: "eu-central-1",
		By: "key", Who: "mallory", At: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Event: "tagged", State: finding.Standing}}
}

func what(arn string) string { return roleName(arn[strings.LastIndexByte(arn, ':')+1:]) }

func orNone(tags map[string]string, key string) string {
	if v, there := tags[key]; there {
		return fmt.Sprintf("%.256q", v)
	}
	return "not there"
}

// differingTags are the keys whose values differ, or that one lacks.
func differingTags(a, b map[string]string) []string {
	var all []string
	for _, k := range slices.Compact(slices.Sorted(maps.Keys(merged(a, b)))) {
		va, ina := a[k]
		if vb, inb := b[k]; va != vb || ina != inb {
			all = append(all, k)
		}
	}
	return all
}

func merged(a, b map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// owned leaves out what AWS sets itself.
func owned(tags map[string]string) *tagged {
	s := &tagged{}
	for k, v := range tags {
		if strings.HasPrefix(k, "aws:") {
			continue
		}
		if s.Tags == nil {
			s.Tags = map[string]string{}
		}
		s.Tags[k] = v
	}
	return s
}

// firstOf is the time of the first finding of all: what was collected before it was not yet
// of the intruder's making. The zero time is that there is none.
func firstOf(all []finding.Finding) time.Time {
	var at time.Time
	for _, f := range all {
		if at.IsZero() || f.At.Before(at) {
			at = f.At
		}
	}
	return at
}

// tagsKept are the function's tags as the case has them from before the first finding; nil: it has none.
func tagsKept(ctx context.Context, _ aws.Config, s *Survey) (*tagged, error) {
	var doc struct{ Tags map[string]string }
	none, err := keptBefore(ctx, s, Artefact{Name: "lambda.tags", ARN: s.ARN}, &doc)
	if errors.Is(err, errNotKept) {
		return nil, nil
	}
	if err != nil || none {
		return &tagged{}, err
	}
	return owned(doc.Tags), nil
}

func roleTagsKept(ctx context.Context, _ aws.Config, s *Survey) (*tagged, error) {
	var doc struct {
		Role *struct{ Tags []struct{ Key, Value string } }
	}
	_, err := keptBefore(ctx, s, Artefact{Name: "iam.role", ARN: s.Role}, &doc)
	if errors.Is(err, errNotKept) || err == nil && doc.Role == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, t := range doc.Role.Tags {
		tags[t.Key] = t.Value
	}
	return owned(tags), nil
}

// keptBefore reads an artefact of the newest collection from before the first finding into
// v. none: AWS said then that there is none.
func keptBefore(ctx context.Context, s *Survey, a Artefact, v any) (none bool, err error) {
	before := firstOf(s.in.Findings)
	if s.in.Case == nil || before.IsZero() {
		return false, errNotKept
	}
	want := func(e evidence.Entry) bool {
		if artefactOf(e) != a {
			return false
		}
		return e.State == evidence.Collected && e.Item != nil && e.Item.Started.Before(before) || e.State == evidence.Absent && e.Gap != nil && e.Gap.At.Before(before)
	}
	for f, err := range s.in.Case.Find(ctx, want) {
		switch {
		case err != nil:
			return false, fmt.Errorf("looking for %s in the case: %w", a.Name, err)
		case f.Entry.Item == nil:
			return true, nil
		}
		return false, readKept(ctx, f, v)
	}
	return false, errNotKept
}

// betweenTags: each key is as it was or as it will be.
func betweenTags(from, now, to tagged) bool {
	is := func(tags map[string]string, k string) string { return orNone(tags, k) }
	for k := range merged(merged(from.Tags, to.Tags), now.Tags) {
		if n := is(now.Tags, k); n != is(from.Tags, k) && n != is(to.Tags, k) {
			return false
		}
	}
	return true
}

// changedTags are the keys to take away and the tags to set.
func changedTags(now, to tagged) (away []string, set map[string]string) {
	set = map[string]string{}
	for _, k := range differingTags(now.Tags, to.Tags) {
		if v, stays := to.Tags[k]; stays {
			set[k] = v
		} else {
			away = append(away, k)
		}
	}
	return away, set
}

func readTags(ctx context.Context, cfg aws.Config, p Place) (tagged, Token, error) {
	out, err := lambdaClient(cfg).ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String(p.ARN)})
	if err != nil {
		return tagged{}, "", err
	}
	return *owned(out.Tags), "", nil
}

func tagSteps(p Place, now, to tagged, _ Token) (steps []Step) {
	away, set := changedTags(now, to)
	if len(away) > 0 {
		in := &lambda.UntagResourceInput{Resource: aws.String(p.ARN), TagKeys: away}
		steps = append(steps, Step{"Lambda:UntagResource", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).UntagResource(ctx, in)
			return err
		}})
	}
	if len(set) > 0 {
		in := &lambda.TagResourceInput{Resource: aws.String(p.ARN), Tags: set}
		steps = append(steps, Step{"Lambda:TagResource", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).TagResource(ctx, in)
			return err
		}})
	}
	return steps
}

func readRoleTags(ctx context.Context, cfg aws.Config, p Place) (tagged, Token, error) {
	tags, name := map[string]string{}, aws.String(roleName(p.Role))
	err := pages(func(m *string) (*string, error) {
		out, err := iamClient(cfg).ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, t := range out.Tags {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		return out.Marker, nil
	})
	return *owned(tags), "", err
}

// roleTagSteps takes away first: to IAM a key is the same in any case.
func roleTagSteps(p Place, now, to tagged, _ Token) (steps []Step) {
	away, set := changedTags(now, to)
	name := aws.String(roleName(p.Role))
	if len(away) > 0 {
		in := &iam.UntagRoleInput{RoleName: name, TagKeys: away}
		steps = append(steps, Step{"IAM:UntagRole", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).UntagRole(ctx, in)
			return err
		}})
	}
	if len(set) > 0 {
		in := &iam.TagRoleInput{RoleName: name}
		for _, k := range slices.Sorted(maps.Keys(set)) {
			in.Tags = append(in.Tags, iamtypes.Tag{Key: aws.String(k), Value: aws.String(set[k])})
		}
		steps = append(steps, Step{"IAM:TagRole", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).TagRole(ctx, in)
			return err
		}})
	}
	return steps
}
