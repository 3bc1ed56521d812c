package awsapi

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// marker is what our own calls carry in their user agent (app/MARKER), as the name of their
// role session and, where STS allows it, as its source identity. Anybody can write the same:
// which calls were ours the journals say, by request id.
func marker(kase string) string {
	if kase == "" {
		return "freezeframe"
	}
	return "freezeframe-" + kase
}

// assumed gives credentials of a role, with a source identity where the role's trust lets us
// set one: it stays with whatever is assumed from there.
type assumed struct {
	sts        *sts.Client
	role, name string
	external   string // "": none is said
}

func (a assumed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	named := func(o *stscreds.AssumeRoleOptions) {
		if o.RoleSessionName = a.name; a.external != "" {
			o.ExternalID = &a.external
		}
	}
	creds, err := stscreds.NewAssumeRoleProvider(a.sts, a.role, named, func(o *stscreds.AssumeRoleOptions) { o.SourceIdentity = &a.name }).Retrieve(ctx)
	if api, ok := errors.AsType[smithy.APIError](err); ok && strings.HasPrefix(api.ErrorCode(), "AccessDenied") {
		return stscreds.NewAssumeRoleProvider(a.sts, a.role, named).Retrieve(ctx)
	}
	return creds, err
}

// maxLoose bounds what is remembered for a journal that may never be begun.
const maxLoose = 10_000

// looseCalls are calls of which no recorder but the session's was told: made before there was
// a journal, or between two.
type looseCalls struct {
	mu   sync.Mutex
	made []Exchange
}

func (l *looseCalls) add(x Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.made) < maxLoose {
		l.made = append(l.made, x)
	}
}

// Loose takes the calls that stand in no journal yet, for the next one.
func (s *Session) Loose() []Exchange {
	s.loose.mu.Lock()
	defer s.loose.mu.Unlock()
	made := s.loose.made
	s.loose.made = nil
	return made
}
