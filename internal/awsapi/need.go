package awsapi

import "time"

// Class says whom a call belongs to.
type Class string

// Classes of calls.
const (
	Account  Class = "account"  // the account under investigation
	Vault    Class = "vault"    // where evidence is kept: ours
	Plumbing Class = "plumbing" // queue, notification: ours
)

// Need declares one call that a part of the tool makes.
type Need struct {
	Call    string  // "Lambda:GetFunction", "S3:ListObjectsV2": SDK service id without spaces, colon, operation
	IAM     []Grant // what the caller's policy must allow for it (names differ, some calls need several)
	When    string  // "" is always; otherwise when it is made, in words
	Mutates bool    // it changes the account
	Class   Class   // "" is Account
}

// Grant is an IAM permission, Resource being a template for people: "function ARN", "*".
type Grant struct{ Action, Resource string }

// Exchange is the record of one call made: one line a call, retries within it.
type Exchange struct {
	Call      string        `json:"call"`
	Class     Class         `json:"class"`
	Region    string        `json:"region"`
	Host      string        `json:"host"`
	RequestID string        `json:"request_id,omitempty"`
	Started   time.Time     `json:"started"`
	Ended     time.Time     `json:"ended"`
	Attempts  int           `json:"attempts"`
	Error     string        `json:"error,omitempty"` // API error code, or a class such as "connection"
	Skew      time.Duration `json:"skew,omitempty"`  // local clock minus the answer's Date; 0 if it had none
}

// Recorder is told of every call, from many goroutines.
type Recorder func(Exchange)
