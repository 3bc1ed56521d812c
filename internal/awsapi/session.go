package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// Errors of Connect that callers branch on.
var (
	ErrNoRegion      = errors.New("no AWS region")
	ErrNoCredentials = errors.New("no AWS credentials")
	ErrExpired       = errors.New("AWS credentials have expired")
	ErrUnreachable   = errors.New("AWS endpoint cannot be reached")
)

// Options say how to reach AWS. Empty fields mean what they mean to the AWS CLI:
// environment, shared config and credential files.
type Options struct {
	Profile     string
	Region      string
	RoleARN     string // assumed on top of the profile's credentials
	ExternalID  string // said to every role that is assumed; "": none
	EndpointURL string // "" is AWS, or AWS_ENDPOINT_URL
	Case        string // id of the case the calls are made for, "" for none: it is in their marker

	Unasked     bool // do not ask STS who we are: an S3 server that keeps a vault may have none
	ReadOnly    bool // refuse every call that changes the account
	Credentials aws.CredentialsProvider
	HTTPClient  aws.HTTPClient // nil: the SDK's, with sane limits
	Record      Recorder       // nil: nobody is told
}

// Identity is who the session acts as, by GetCallerIdentity.
type Identity struct {
	Account string
	ARN     string
	UserID  string
}

// RoleName is the name of the role behind an assumed-role session, or "".
func (i Identity) RoleName() string {
	a, err := arn.Parse(i.ARN)
	if err != nil || !strings.HasPrefix(a.Resource, "assumed-role/") {
		return ""
	}
	return strings.Split(a.Resource, "/")[1]
}

// Session is one principal at one endpoint.
type Session struct {
	Identity Identity
	Region   string
	Endpoint string // "" is AWS itself

	base     aws.Config
	readOnly bool
	record   Recorder
	loose    *looseCalls
	kase     string
	external string
}

// identityNeeds are the calls that Connect itself makes.
func identityNeeds() []Need {
	return []Need{
		{Call: "STS:GetCallerIdentity"},
		{Call: "STS:AssumeRole", IAM: []Grant{{"sts:AssumeRole", "role ARN"}}, When: "with --role-arn", Class: Plumbing},
	}
}

// Connect loads the configuration and asks STS who we are. Errors wrap one of
// ErrNoRegion, ErrNoCredentials, ErrExpired, ErrUnreachable where that is the cause.
func Connect(ctx context.Context, o Options) (*Session, error) {
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Session{Region: cfg.Region, Endpoint: aws.ToString(cfg.BaseEndpoint), base: cfg, readOnly: o.ReadOnly, record: o.Record, loose: &looseCalls{}, kase: o.Case, external: o.ExternalID}
	if o.RoleARN != "" {
		s.base.Credentials = s.assume(o.RoleARN)
	}
	if o.Unasked {
		return s, nil
	}
	if err := s.identify(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Session) assume(role string) aws.CredentialsProvider {
	return aws.NewCredentialsCache(assumed{sts.NewFromConfig(s.Config(s.Region, identityNeeds())), role, marker(s.kase), s.external})
}

// Assume is a session of its own as another role, usually of another account.
func (s *Session) Assume(ctx context.Context, role string) (*Session, error) {
	other := &Session{Region: s.Region, Endpoint: s.Endpoint, base: s.base.Copy(), readOnly: s.readOnly, record: s.record, loose: &looseCalls{}, kase: s.kase, external: s.external}
	other.base.Credentials = s.assume(role)
	if err := other.identify(ctx); err != nil {
		return nil, fmt.Errorf("as %s: %w", role, err)
	}
	return other, nil
}

func (s *Session) identify(ctx context.Context) error {
	who, err := sts.NewFromConfig(s.Config(s.Region, identityNeeds())).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return fmt.Errorf("asking STS who we are: %w", classify(err))
	}
	s.Identity = Identity{Account: aws.ToString(who.Account), ARN: aws.ToString(who.Arn), UserID: aws.ToString(who.UserId)}
	return nil
}

func load(ctx context.Context, o Options) (aws.Config, error) {
	// Without a logger the SDK writes warnings to stderr, past the one place where text is escaped.
	opts := []func(*config.LoadOptions) error{config.WithAppID(marker(o.Case)), config.WithLogger(logging.Nop{})}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Credentials != nil {
		opts = append(opts, config.WithCredentialsProvider(o.Credentials))
	}
	opts = append(opts, config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 64
		t.ResponseHeaderTimeout = 60 * time.Second
	})))
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if o.HTTPClient != nil { // afterwards: with AWS_CA_BUNDLE set, loading refuses a client it cannot give the bundle to
		cfg.HTTPClient = o.HTTPClient
	}
	if o.EndpointURL != "" {
		u, err := url.Parse(o.EndpointURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return cfg, fmt.Errorf("endpoint URL %q is not an http or https URL with a host", o.EndpointURL)
		}
		cfg.BaseEndpoint = aws.String(strings.TrimSuffix(o.EndpointURL, "/"))
	}
	if cfg.Region == "" {
		return cfg, ErrNoRegion
	}
	return cfg, nil
}

// Config is what a client is made from: this session, in a region ("" is the
// session's own), limited to the declared calls.
func (s *Session) Config(region string, needs []Need) aws.Config {
	return s.ConfigRecorded(region, needs, nil)
}

// ConfigRecorded is Config with a second recorder beside the session's own.
func (s *Session) ConfigRecorded(region string, needs []Need, also Recorder) aws.Config {
	cfg := s.base.Copy()
	if region != "" {
		cfg.Region = region
	}
	g := &guard{declared: make(map[string]Need, len(needs)), readOnly: s.readOnly, region: cfg.Region, record: s.tell(also)}
	for _, n := range needs {
		g.declared[n.Call] = n
	}
	cfg.APIOptions = append(append([]apiOption(nil), cfg.APIOptions...), g.install)
	cfg.Retryer = readRetryer
	return cfg
}

// ReadOnly is the same session, refusing whatever changes the account.
func (s *Session) ReadOnly() *Session {
	c := *s
	c.readOnly = true
	return &c
}

// HTTPClient is what the session's requests travel through: presigned downloads
// take the same road.
func (s *Session) HTTPClient() aws.HTTPClient { return s.base.HTTPClient }

func (s *Session) tell(also Recorder) Recorder {
	return func(x Exchange) {
		if s.record != nil {
			s.record(x)
		}
		if also != nil {
			also(x)
		} else {
			s.loose.add(x)
		}
	}
}
