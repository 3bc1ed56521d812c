package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

const transportKey = "aws:SecureTransport" // in every request to S3: "true" over TLS

// bucketPolicy is empty where the bucket has none.
func (p *probe) bucketPolicy(ctx context.Context) (iampolicy.Document, error) {
	return p.policy.of(func() (iampolicy.Document, error) {
		out, err := p.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
		if isCode(err, "NoSuchBucketPolicy") {
			return iampolicy.Document{Version: "2012-10-17"}, nil
		}
		if err != nil {
			return iampolicy.Document{}, err
		}
		return iampolicy.Parse(aws.ToString(out.Policy))
	})
}

// denial is what the policy has to deny to everybody, and the statement that
// makes it do so.
type denial struct {
	actions   []string
	resources func(*probe) []string // that are tried, one by one
	context   map[string][]string   // of the requests
	narrows   string                // the condition key that its statement may depend on; "" is none
	add       func(*probe) statement
}

func noDeletes() denial {
	return denial{
		actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, resources: someObjects, context: overTLS(true),
		add: func(p *probe) statement {
			return statement{Sid: "FreezeframeNoDeletes", Effect: "Deny", Principal: "*", Action: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, Resource: []string{p.objectsARN()}}
		},
	}
}

func noBypass() denial {
	return denial{
		actions: []string{"s3:BypassGovernanceRetention"}, resources: someObjects, context: overTLS(true),
		add: func(p *probe) statement {
			return statement{Sid: "FreezeframeNoBypass", Effect: "Deny", Principal: "*", Action: []string{"s3:BypassGovernanceRetention"}, Resource: []string{p.objectsARN()}}
		},
	}
}

func onlyTLS() denial {
	return denial{
		actions: []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}, resources: someObjects, context: overTLS(false), narrows: transportKey,
		add: func(p *probe) statement {
			return statement{Sid: "FreezeframeOnlyTLS", Effect: "Deny", Principal: "*", Action: []string{"s3:*"}, Resource: []string{p.bucketARN(), p.bucketARN() + "/*"},
				Condition: map[string]map[string]string{"Bool": {transportKey: "false"}}}
		},
	}
}

func overTLS(yes bool) map[string][]string {
	return map[string][]string{transportKey: {fmt.Sprint(yes)}}
}

// someObjects are keys that no statement names: what holds for them holds for the prefix.
func someObjects(p *probe) []string {
	const unheardOf = "zq7-9f3d1c"
	base := p.bucketARN() + "/" + p.prefix
	return []string{base + unheardOf, base + unheardOf + "/" + unheardOf + ".json"}
}

func policyDeletes(ctx context.Context, p *probe) verdict { return p.denies(ctx, noDeletes()) }
func policyBypass(ctx context.Context, p *probe) verdict  { return p.denies(ctx, noBypass()) }
func policyTLS(ctx context.Context, p *probe) verdict     { return p.denies(ctx, onlyTLS()) }

// denies looks for what the policy denies to everybody whatever the circumstances. A
// statement that spares somebody, or depends on a condition, does not count: whom it
// spares is whom an attacker becomes.
func (p *probe) denies(ctx context.Context, r denial) verdict {
	d, err := p.bucketPolicy(ctx)
	if err != nil {
		if errors.Is(err, iampolicy.ErrMalformed) {
			return verdict{Unknown, "the bucket policy cannot be read: " + shown(err.Error()), p.ask("S3", "GetBucketPolicy")}
		}
		return p.unknown("S3:GetBucketPolicy", err)
	}
	allowed, spared := p.missing(d, r)
	if len(allowed) == 0 {
		return pass("denied to everyone")
	}
	got := "not denied: " + strings.Join(allowed, ", ")
	switch {
	case len(d.Statements) == 0:
		got = "there is no bucket policy"
	case spared != "":
		got = "denied with exceptions only (" + shown(spared) + "): " + strings.Join(allowed, ", ")
	}
	return verdict{Fail, got, p.policyFix(d)}
}

// missing are the actions that the policy does not deny to everybody; spared names a
// statement that denies one of them to some.
func (p *probe) missing(d iampolicy.Document, r denial) (allowed []string, spared string) {
	strict := d.Without(func(s iampolicy.Statement) bool { return !universal(s, r.narrows) })
	for _, action := range r.actions {
		for _, resource := range r.resources(p) {
			if ok, _ := deniesRequest(strict, action, resource, r.context); ok {
				continue
			}
			if ok, by := deniesRequest(d, action, resource, r.context); ok {
				spared = by
			}
			if !slices.Contains(allowed, action) {
				allowed = append(allowed, action)
			}
		}
	}
	return allowed, spared
}

// universal: a denial of everyone, on no condition but that key.
func universal(s iampolicy.Statement, key string) bool {
	everyone := s.Principal != nil && (s.Principal.Any || slices.Contains(s.Principal.AWS, "*"))
	return s.Effect == "Deny" && everyone && !slices.ContainsFunc(s.Condition, func(c iampolicy.Condition) bool {
		return key == "" || !strings.EqualFold(c.Key, key)
	})
}

// deniesRequest asks for a principal that no policy names.
func deniesRequest(d iampolicy.Document, action, resource string, context map[string][]string) (bool, string) {
	res := iampolicy.Evaluate(iampolicy.Request{
		PrincipalARN: "arn:aws:iam::000000000001:user/zq7-9f3d1c", PrincipalAccount: "000000000001",
		Action: action, Resource: resource, Context: context,
	}, iampolicy.Policies{Resource: &d})
	return res.Decision == iampolicy.ExplicitDeny, strings.TrimPrefix(res.By, string(iampolicy.KindResource)+", ")
}

// policyFix writes the policy with all statements that it lacks, so that the fixes of
// several findings are one and the same command.
func (p *probe) policyFix(d iampolicy.Document) string {
	for _, r := range []denial{noDeletes(), noBypass(), onlyTLS()} {
		if lacks, _ := p.missing(d, r); len(lacks) == 0 {
			continue
		}
		s := r.add(p)
		d = d.Without(func(old iampolicy.Statement) bool { return old.Sid == s.Sid })
		with, err := d.With(json.RawMessage(toJSON(s)))
		if err != nil {
			panic(err) // our own statement
		}
		d = with
	}
	return p.s3api("put-bucket-policy", "--policy", d.String())
}
