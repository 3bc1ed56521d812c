package awssim

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
)

// Act is one call by its name, without the wire: what a scenario written as data does. It goes
// through the same look-up of the key, authorization, checks against the shapes and record as a
// request does; only the signature is spared.
type Act struct {
	By      Credentials
	Address string          // where it comes from
	Agent   string          // User-Agent
	Region  string          // "" is the account's
	Call    string          // "Lambda:CreateFunction": as Call.API writes it
	With    json.RawMessage // the input by the API's member names; blobs in base64
}

// ActError is the API's own error. Refused says that it was one of who signs, so that the call
// never came to be one.
type ActError struct {
	Code, Message string
	Refused       bool
}

func (e *ActError) Error() string { return e.Code + ": " + e.Message }

// ErrAct: no call of the simulated services is named so, or its input is spelled wrongly. AWS
// would never have seen it.
var ErrAct = errors.New("not a call")

// Act makes the call, and gives its output by the API's member names. The error is an *ActError,
// or wraps ErrAct.
func (c *Cloud) Act(a Act) (json.RawMessage, error) {
	t, err := c.aimAt(a)
	if err != nil {
		return nil, err
	}
	with := a.With
	if len(with) == 0 {
		with = json.RawMessage("{}")
	}
	in, err := inputFromJSON(t.op, with)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAct, a.Call, err)
	}
	r, err := requestOf(t, a, in)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAct, a.Call, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &call{Cloud: c, now: c.cfg.Clock.Now().UTC(), region: t.region, http: r}
	k.wire.target, k.wire.in = t, in
	k.wire.body = &bodyOf{bytes: with, hash: hashHex(with)}
	if err := k.takes(a.By); err != nil {
		return nil, err
	}
	k.requestID = c.requestID(k)
	if c.cfg.Tell != nil {
		c.cfg.Tell(t.service.id, t.op.name, t.region, in)
	}
	resp, _, dropped := k.perform()
	switch {
	case dropped:
		return nil, &ActError{Code: "ConnectionDropped", Message: "no answer"}
	case k.wire.failure != nil:
		return nil, &ActError{Code: k.wire.failure.Code, Message: k.wire.failure.Message}
	case resp.status >= 300:
		return nil, &ActError{Code: "InternalFailure", Message: http.StatusText(resp.status)}
	}
	return outputToJSON(t.op, k.wire.out)
}

// aimAt finds the operation of a name.
func (c *Cloud) aimAt(a Act) (target, error) {
	service, name, _ := strings.Cut(a.Call, ":")
	t := target{opName: name, region: a.Region}
	if t.region == "" {
		t.region = c.cfg.Region
	}
	var services, names []string
	for _, s := range facts() {
		own := strings.TrimSuffix(s.apiName(""), ":")
		services = append(services, own)
		if own == service {
			t.service, t.op = s, s.ops[name]
		}
	}
	if t.service == nil {
		return t, fmt.Errorf("%w: %q names no simulated service%s", ErrAct, a.Call, meant(service, services))
	}
	if t.op == nil || !t.op.simulated {
		for n, op := range t.service.ops {
			if op.simulated {
				names = append(names, n)
			}
		}
		return t, fmt.Errorf("%w: %s: no simulated operation of that name%s", ErrAct, a.Call, meant(name, names))
	}
	if t.service.name == "iam" || t.service.name == "cloudfront" {
		t.region = "us-east-1" // as in aim
	}
	var err error
	if t.protocol, err = protocolOf(t.service.protocols[0]); err != nil {
		return t, err
	}
	if t.service.name == "cloudfront" {
		t.protocol = plainXML{}
	}
	return t, nil
}

func meant(word string, known []string) string {
	if n := nearest.Word(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %s?)", n)
	}
	return ""
}

// CheckAct says what is wrong with the spelling of a call: its name, or a member. nil is nothing.
func (c *Cloud) CheckAct(a Act) error {
	t, err := c.aimAt(a)
	if err != nil || len(a.With) == 0 {
		return err
	}
	if _, err := inputFromJSON(t.op, a.With); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAct, a.Call, err)
	}
	return nil
}

// requestOf is the request that stands for the call where operations and records look at one.
func requestOf(t target, a Act, in fields) (*http.Request, error) {
	path := t.op.path
	if path == "" {
		path = "/"
	}
	for name, v := range in {
		text, ok := v.(string)
		if m := t.op.in.byName[name]; ok && m != nil && m.loc == "uri" {
			path = strings.NewReplacer("{"+m.wire+"}", url.PathEscape(text), "{"+m.wire+"+}", url.PathEscape(text), "{"+name+"}", url.PathEscape(text)).Replace(path)
		}
	}
	host := t.service.signing + "." + t.region + ".amazonaws.com"
	if t.service.name == "iam" {
		host = "iam.amazonaws.com"
	}
	u, err := url.Parse("https://" + host + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(path))
	if err != nil {
		return nil, err
	}
	r := &http.Request{Method: t.op.method, URL: u, Host: host, Header: http.Header{}, Body: http.NoBody, RemoteAddr: "127.0.0.1:0", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	r.Header.Set("X-Forwarded-For", a.Address)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("User-Agent", a.Agent)
	return r.WithContext(context.WithValue(context.Background(), inProcess{}, true)), nil
}

// takes makes whoever holds the credentials the caller, by the same rules as authenticate.
func (k *call) takes(by Credentials) error {
	service := k.wire.target.service
	who, secret, token, ok := k.lookupKey(by.AccessKeyID)
	kind := authKind(0)
	switch {
	case !ok:
		kind = authUnknownKey
	case subtle.ConstantTimeCompare([]byte(token), []byte(by.SessionToken)) == 0:
		kind = authBadToken
	case subtle.ConstantTimeCompare([]byte(secret), []byte(by.SecretAccessKey)) == 0:
		kind = authMismatch
	case who.session != nil && !who.session.expires.IsZero() && !k.now.Before(who.session.expires):
		kind = authExpiredToken
	default:
		who.keyID = by.AccessKeyID
		k.caller, k.accountID = who, who.account
		return nil
	}
	e := (&authError{kind: kind, service: service.name, keyID: by.AccessKeyID}).worded(service)
	return &ActError{Code: e.Code, Message: e.Message, Refused: true}
}
