package awssim

import (
	"fmt"
	"net/http"
	"reflect"
	"time"
)

// operation is one API operation: its behaviour, typed by the SDK's own input
// and output structs. The wire form is the codec's business.
type operation struct {
	service string // key of the facts table: "lambda", "iam", "s3", ...
	name    string // API name: "CreateFunction"
	input   reflect.Type
	output  reflect.Type
	run     func(*call, any) (any, error)
}

// op makes an operation from a typed function. The codec fills *I from the
// request, checks it against the shapes (required members, types, enums,
// lengths, patterns) and encodes *O. A nil *O encodes an empty output.
func op[I, O any](service, name string, run func(*call, *I) (*O, error)) operation {
	return operation{
		service: service, name: name,
		input: reflect.TypeFor[I](), output: reflect.TypeFor[O](),
		run: func(c *call, in any) (any, error) {
			out, err := run(c, in.(*I))
			if err != nil || out == nil {
				return nil, err
			}
			return out, nil
		},
	}
}

// call is one authenticated request while its operation runs. The cloud's lock
// is held for the whole run: operations neither lock, sleep nor start
// goroutines, and read the time from now, never from the time package.
type call struct {
	*Cloud
	op        operation
	caller    identity // who signed; see identity
	accountID string   // the caller's account: names without an account resolve here
	region    string   // from the credential scope (global services: their home region)
	now       time.Time
	requestID string
	http      *http.Request

	authorized bool      // set by allow: an operation that answers without having asked is a bug, reported as a 500
	trail      trailNote // what the operation adds to its own CloudTrail record

	wire callState // the core's own: what was aimed at, decoded, asked and injected
}

// name is "Lambda.GetFunction".
func (k *call) name() string { return k.wire.target.service.id + "." + k.wire.target.opName }

// apiError is an error as a service reports it. Status comes from the facts
// table when zero.
type apiError struct {
	Code    string // as on the wire: "ResourceNotFoundException"
	Message string
	Status  int
	Fields  map[string]any // further members of the error shape, for example Reason, Type
	Headers map[string]string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// fail makes the service's error with that code.
func fail(code, format string, args ...any) *apiError {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// trailNote lets an operation correct what the recorder derives by itself from
// input and output (see trail.go).
type trailNote struct {
	resources []trailResource           // resources[] of the record, and what LookupEvents finds by ResourceName
	request   func(map[string]any)      // edits requestParameters (lowerCamel keys)
	response  func(map[string]any)      // edits responseElements (lowerCamel keys)
	more      map[string]map[string]any // additionalEventData, serviceEventDetails
}

type trailResource struct{ arn, kind string } // kind: "AWS::Lambda::Function"

// identity is who signed a request.
type identity struct {
	kind        string // "IAMUser", "AssumedRole", "Root", "AWSService", "AWSAccount"
	account     string
	arn         string // arn:aws:iam::ACCT:user/NAME or arn:aws:sts::ACCT:assumed-role/ROLE/SESSION
	principalID string // AIDA..., AROA...:SESSION
	name        string // user name
	keyID       string
	session     *session // temporary credentials only
	invokedBy   string   // service principal, for kind AWSService
}

// session is what is known of temporary credentials.
type session struct {
	roleName, roleARN, roleID string
	name                      string
	issued, expires           time.Time
	mfa                       bool
	policy                    string            // session policy, JSON; "" is none
	managed                   []string          // documents of managed session policies
	source                    string            // source identity
	tags                      map[string]string // session tags
	// function and version that the execution role's credentials were issued to:
	// CloudTrail's inScopeOf. Empty for any other session.
	functionARN, functionVersion string
}
