package check

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// headFor is HeadBucket on the condition that account owns the bucket.
func (p *probe) headFor(ctx context.Context, account string) error {
	_, err := p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: p.bucket(), ExpectedBucketOwner: &account})
	return err
}

// conditionIgnored says whether the server takes any owner for the right one, as some
// S3 servers do: then its consent says nothing.
func (p *probe) conditionIgnored(ctx context.Context) bool {
	ignored, _ := p.ignores.of(func() (bool, error) {
		nobody := "000000000001" // no account id that AWS gives out
		if p.in.Owner == nobody || p.in.SubjectAccount == nobody {
			nobody = "000000000002"
		}
		return p.headFor(ctx, nobody) == nil, nil
	})
	return ignored
}

// owner: S3 never names the account that owns a bucket (an ACL has a canonical id), but
// refuses a request that expects another.
func owner(ctx context.Context, p *probe) verdict {
	if p.head != nil {
		return p.unknown("S3:HeadBucket", p.head)
	}
	if p.in.Owner == "" {
		return verdict{Unknown, "S3 does not tell which account owns a bucket: say which one is expected, and it is compared",
			p.line("", "sts", "get-caller-identity", "--query", "Account", "--output", "text")}
	}
	err := p.headFor(ctx, p.in.Owner)
	switch {
	case err == nil && p.conditionIgnored(ctx):
		return verdict{Unknown, "the server does not compare the expected owner: it consents to any", p.ask("S3", "HeadBucket")}
	case err == nil:
		p.confirms = true
		return pass("account %s", p.in.Owner)
	case denied(err):
		// The same call without an owner was let through: it is the owner that differs.
		p.foreign = true
		return verdict{Fail, "the bucket is not account " + p.in.Owner + "'s", p.ownBucket()}
	}
	return p.unknown("S3:HeadBucket", err)
}

// separation: who controls the investigated account must not control the evidence.
func separation(ctx context.Context, p *probe) verdict {
	subject := p.in.SubjectAccount
	switch {
	case subject == "":
		return verdict{Unknown, "the account under investigation is not known: say which it is, and it is compared",
			p.line("", "sts", "get-caller-identity", "--query", "Account", "--output", "text", "--profile", "SUBJECT")}
	case p.confirms && subject == p.in.Owner:
		return p.notSeparate()
	case p.confirms:
		return pass("account %s is not under investigation", p.in.Owner)
	case p.head != nil:
		return p.unknown("S3:HeadBucket", p.head)
	}
	err := p.headFor(ctx, subject)
	switch {
	case err == nil && p.conditionIgnored(ctx):
		return verdict{Unknown, "the server does not compare the expected owner: it consents to any", p.ask("S3", "HeadBucket")}
	case err == nil:
		return p.notSeparate()
	case denied(err):
		return pass("S3 says that account %s does not own the bucket", subject)
	}
	return p.unknown("S3:HeadBucket", err)
}

func (p *probe) notSeparate() verdict {
	return verdict{Fail, fmt.Sprintf("account %s is under investigation and owns the bucket", p.in.SubjectAccount), p.ownBucket()}
}

// ownBucket makes a bucket where it belongs: none can be given to another account.
func (p *probe) ownBucket() string {
	args := []string{"--bucket", "EVIDENCE-BUCKET", "--object-lock-enabled-for-bucket", "--profile", "EVIDENCE"}
	if p.region != "us-east-1" {
		args = append(args, "--create-bucket-configuration", "LocationConstraint="+p.region)
	}
	return p.line(p.region, "s3api", "create-bucket", args...)
}

// elsewhere is the verdict over everything that is not asked of another account's
// bucket: each call would be refused for its owner, and nothing is to be written there.
func (p *probe) elsewhere() (verdict, bool) {
	if !p.foreign {
		return verdict{}, false
	}
	return verdict{Unknown, "not asked: the bucket is not account " + p.in.Owner + "'s", p.ownBucket()}, true
}
