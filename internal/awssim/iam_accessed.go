package awssim

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// What principals last did, service by service: IAM User Guide, "Reducing permissions using
// service last accessed information". Attempts count, refused ones too. On AWS they show up
// to four hours late, here at once, and of AWS's list of tracked actions all that are
// simulated are taken. Reports are no part of the account's state: making one changes nothing.

// accessed is when somebody last turned to a service, and with which actions.
type accessed struct {
	lastUsed
	actions map[string]lastUsed
}

// accessReport is a job and what it found when it was begun.
type accessReport struct {
	by       string // whose it is: nobody else can read it
	detail   iamtypes.AccessAdvisorUsageGranularityType
	created  time.Time
	services []iamtypes.ServiceLastAccessed
}

// turnedTo notes an attempt.
func (p *principal) turnedTo(action string, at lastUsed) {
	service, op, _ := strings.Cut(action, ":")
	if p.accessed == nil {
		p.accessed = map[string]*accessed{}
	}
	a := p.accessed[service]
	if a == nil {
		a = &accessed{actions: map[string]lastUsed{}}
		p.accessed[service] = a
	}
	a.lastUsed, a.actions[op] = at, at
}

// principalAt is a role or user by ARN.
func (s *iamState) principalAt(arn string) *principal {
	a, _ := parseARN(arn)
	if r := s.roles[lastPart(a.resource)]; r != nil && r.arn == arn {
		return &r.principal
	}
	if u := s.users[lastPart(a.resource)]; u != nil && u.arn == arn {
		return &u.principal
	}
	return nil
}

// generateLastAccessed begins a report on a role or user; those on groups and policies are
// not simulated.
func generateLastAccessed(c *call, in *iam.GenerateServiceLastAccessedDetailsInput) (*iam.GenerateServiceLastAccessedDetailsOutput, error) {
	arn := aws.ToString(in.Arn)
	if err := c.allow("iam:GenerateServiceLastAccessedDetails", arn); err != nil {
		return nil, err
	}
	a, ok := parseARN(arn)
	switch {
	case !ok || a.service != "iam":
		return nil, fail("InvalidInput", "Invalid ARN: %s", arn)
	case strings.HasPrefix(a.resource, "policy/") || strings.HasPrefix(a.resource, "group/"):
		return nil, fail("NotImplemented", "freezeframe simulator: reports on %s are not simulated", a.resource)
	}
	s := c.account(c.accountID)
	p := s.principalAt(arn)
	if p == nil {
		return nil, fail("NoSuchEntity", "ARN %s does not exist", arn)
	}
	detail := cmp.Or(in.Granularity, iamtypes.AccessAdvisorUsageGranularityTypeServiceLevel)
	if s.reports == nil {
		s.reports = map[string]*accessReport{}
	}
	id := c.id("uuid", "last accessed", arn)
	s.reports[id] = &accessReport{by: c.caller.principalID, detail: detail, created: c.now.Truncate(time.Millisecond), services: p.lastAccessed(c.now, detail)}
	return &iam.GenerateServiceLastAccessedDetailsOutput{JobId: &id}, nil
}

func getLastAccessed(c *call, in *iam.GetServiceLastAccessedDetailsInput) (*iam.GetServiceLastAccessedDetailsOutput, error) {
	if err := c.allow("iam:GetServiceLastAccessedDetails", "*"); err != nil {
		return nil, err
	}
	r := c.account(c.accountID).reports[aws.ToString(in.JobId)]
	if r == nil || r.by != c.caller.principalID {
		return nil, fail("NoSuchEntity", "Cannot find JobId: %s", aws.ToString(in.JobId))
	}
	out := &iam.GetServiceLastAccessedDetailsOutput{JobStatus: iamtypes.JobStatusTypeInProgress, JobType: r.detail, JobCreationDate: &r.created, ServicesLastAccessed: []iamtypes.ServiceLastAccessed{}}
	done := r.created.Add(c.cfg.Settle)
	if c.now.Before(done) {
		return out, nil
	}
	page, next, err := paginate(r.services, in.Marker, in.MaxItems, 100)
	out.JobStatus, out.JobCompletionDate, out.ServicesLastAccessed, out.Marker, out.IsTruncated = iamtypes.JobStatusTypeCompleted, &done, page, next, next != nil
	return out, err
}

// lastAccessed are the services that the permissions policies let a principal turn to, used
// or not, by namespace. Other kinds of policy do not count.
func (p *principal) lastAccessed(now time.Time, detail iamtypes.AccessAdvisorUsageGranularityType) []iamtypes.ServiceLastAccessed {
	out := []iamtypes.ServiceLastAccessed{}
	for _, namespace := range namespaces() {
		if !opens(p.viewAt(now).identity, namespace) {
			continue
		}
		s := iamtypes.ServiceLastAccessed{ServiceNamespace: aws.String(namespace), ServiceName: aws.String(serviceTitle(namespace)), TotalAuthenticatedEntities: aws.Int32(0)}
		if a := p.accessed[namespace]; a != nil {
			s.LastAuthenticated, s.LastAuthenticatedEntity, s.LastAuthenticatedRegion, s.TotalAuthenticatedEntities = aws.Time(a.at), aws.String(p.arn), aws.String(a.region), aws.Int32(1)
			for _, op := range sortedNames(a.actions) {
				if u := a.actions[op]; detail == iamtypes.AccessAdvisorUsageGranularityTypeActionLevel {
					s.TrackedActionsLastAccessed = append(s.TrackedActionsLastAccessed, iamtypes.TrackedActionLastAccessed{ActionName: aws.String(op),
						LastAccessedEntity: aws.String(p.arn), LastAccessedRegion: aws.String(u.region), LastAccessedTime: aws.Time(u.at)})
				}
			}
		}
		out = append(out, s)
	}
	return out
}

// opens: some action of the service is allowed somewhere.
func opens(docs []iampolicy.Document, namespace string) bool {
	for _, d := range docs {
		for _, s := range d.Statements {
			if s.Effect != "Allow" {
				continue
			}
			if slices.ContainsFunc(s.Action, func(a string) bool { return namesService(a, namespace) }) {
				return true
			}
			if len(s.NotAction) > 0 && !slices.ContainsFunc(s.NotAction, func(a string) bool { return a == "*" || strings.HasSuffix(a, ":*") && namesService(a, namespace) }) {
				return true
			}
		}
	}
	return false
}

func namesService(action, namespace string) bool {
	pattern, _, _ := strings.Cut(strings.ToLower(action), ":")
	ok, _ := path.Match(pattern, namespace)
	return ok
}

// namespaces are the services here, as permissions name them. AWS has some three hundred.
func namespaces() []string {
	var all []string
	for _, s := range facts() {
		name := s.signing
		if s.name == "cloudwatch" {
			name = s.name
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// serviceTitle is a service's name for people, as the Service Authorization Reference writes it.
func serviceTitle(namespace string) string {
	return cmp.Or(map[string]string{
		"lambda": "AWS Lambda", "s3": "Amazon S3", "sqs": "Amazon SQS", "sns": "Amazon SNS", "iam": "AWS Identity and Access Management", "logs": "Amazon CloudWatch Logs", "ec2": "Amazon EC2",
		"kms": "AWS Key Management Service", "sts": "AWS Security Token Service", "secretsmanager": "AWS Secrets Manager", "ssm": "AWS Systems Manager", "events": "Amazon EventBridge",
		"cloudtrail": "AWS CloudTrail", "elasticfilesystem": "Amazon Elastic File System", "cloudwatch": "Amazon CloudWatch", "xray": "AWS X-Ray",
	}[namespace], namespace)
}
