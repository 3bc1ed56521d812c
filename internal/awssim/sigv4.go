package awssim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigTime      = "20060102T150405Z"
	skewMost     = 5 * time.Minute  // most services
	skewS3       = 15 * time.Minute // S3
	emptyHash    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// signature is what a request says about its signer; nothing of it is checked yet.
type signature struct {
	keyID, date, region, service string // the credential scope
	headers                      []string
	value                        string
	when                         time.Time
	token                        string
	presigned                    bool
	expires                      time.Duration // presigned only
}

func (s *signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}

// readSignature finds the signature in the header or the query string. A request
// without one gives nil and an error of kind missing.
func readSignature(r *http.Request) (*signature, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return headerSignature(r, auth)
	}
	if r.URL.Query().Has("X-Amz-Signature") || r.URL.Query().Has("X-Amz-Credential") {
		return querySignature(r.URL.Query())
	}
	return nil, &authError{kind: authMissing}
}

func headerSignature(r *http.Request, auth string) (*signature, error) {
	rest, ok := strings.CutPrefix(auth, sigAlgorithm)
	if !ok {
		return nil, &authError{kind: authIncomplete, msg: "Unsupported authorization type"}
	}
	s := &signature{token: r.Header.Get("X-Amz-Security-Token")}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			s.credential(v)
		case "SignedHeaders":
			s.headers = strings.Split(v, ";")
		case "Signature":
			s.value = v
		}
	}
	date := r.Header.Get("X-Amz-Date")
	var err error
	if s.when, err = time.Parse(sigTime, date); err != nil {
		if s.when, err = time.Parse(http.TimeFormat, r.Header.Get("Date")); err != nil {
			return s, &authError{kind: authIncomplete, msg: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=" + sigAlgorithm}
		}
	}
	return s, s.complete()
}

func querySignature(q url.Values) (*signature, error) {
	s := &signature{presigned: true, value: q.Get("X-Amz-Signature"), token: q.Get("X-Amz-Security-Token"),
		headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";")}
	s.credential(q.Get("X-Amz-Credential"))
	var err error
	if s.when, err = time.Parse(sigTime, q.Get("X-Amz-Date")); err != nil {
		return s, &authError{kind: authIncomplete, msg: "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""}
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if q.Has("X-Amz-Expires") && (err != nil || seconds < 0 || seconds > 7*24*3600) {
		return s, &authError{kind: authIncomplete, msg: "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"}
	}
	if !q.Has("X-Amz-Expires") {
		seconds = 300 // STS presigned by hand, as kubectl's authenticators do
	}
	s.expires = time.Duration(seconds) * time.Second
	return s, s.complete()
}

func (s *signature) credential(v string) {
	p := strings.Split(v, "/")
	if len(p) < 5 {
		return
	}
	n := len(p)
	s.keyID, s.date, s.region, s.service = strings.Join(p[:n-4], "/"), p[n-4], p[n-3], p[n-2]
}

func (s *signature) complete() error {
	switch {
	case s.keyID == "":
		return &authError{kind: authIncomplete, msg: "Authorization header requires 'Credential' parameter."}
	case s.value == "":
		return &authError{kind: authIncomplete, msg: "Authorization header requires 'Signature' parameter."}
	case !slices.Contains(s.headers, "host"):
		return &authError{kind: authIncomplete, msg: "'Host' must be a 'SignedHeader' in the AWS Authorization."}
	case s.date != s.when.Format("20060102"):
		return &authError{kind: authMismatch, msg: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"}
	}
	return nil
}

// authenticate finds out who signed, and whether they did. The lock is held.
func (c *Cloud) authenticate(k *call, s *signature, body *bodyOf) error {
	service := k.wire.target.service.name
	who, secret, token, ok := c.lookupKey(s.keyID)
	if !ok {
		return &authError{kind: authUnknownKey, service: service, keyID: s.keyID}
	}
	if token != s.token {
		return &authError{kind: authBadToken, service: service, keyID: s.keyID}
	}
	if err := checkDate(k, s); err != nil {
		return err
	}
	key := signingKey(secret, s)
	toSign := stringToSign(k.http, s, body, service == "s3")
	if !hmac.Equal([]byte(hex.EncodeToString(hmacSHA(key, toSign))), []byte(s.value)) {
		return &authError{kind: authMismatch, service: service, keyID: s.keyID, toSign: toSign, provided: s.value}
	}
	if err := body.verify(service, s, key); err != nil {
		return err
	}
	if who.session != nil && !who.session.expires.IsZero() && !k.now.Before(who.session.expires) {
		return &authError{kind: authExpiredToken, service: service, keyID: s.keyID}
	}
	who.keyID = s.keyID
	k.caller = who
	return nil
}

// checkDate refuses old and future signatures. Requests of the in-process client
// are exempt: history is played with a clock that is set back, while the SDK
// signs with its own.
func checkDate(k *call, s *signature) error {
	if k.http.Context().Value(inProcess{}) != nil {
		return nil
	}
	service := k.wire.target.service.name
	limit := skewMost
	if service == "s3" {
		limit = skewS3
	}
	if s.presigned {
		limit = s.expires
	}
	e := &authError{kind: authSkew, service: service, when: s.when, now: k.now, limit: limit}
	if s.presigned {
		e.kind = authExpired
	}
	if k.now.Sub(s.when) > limit {
		return e
	}
	if s.when.Sub(k.now) > max(limit, skewMost) || s.presigned && s.when.Sub(k.now) > skewS3 {
		e.kind = authSkew
		return e
	}
	return nil
}

func signingKey(secret string, s *signature) []byte {
	k := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		k = hmacSHA(k, part)
	}
	return k
}

func hmacSHA(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hashHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func stringToSign(r *http.Request, s *signature, body *bodyOf, s3 bool) string {
	canonical := strings.Join([]string{
		r.Method, canonicalPath(r, s3), canonicalQuery(r.URL.RawQuery),
		canonicalHeaders(r, s.headers), strings.Join(s.headers, ";"), payloadHash(r, s, body, s3),
	}, "\n")
	return strings.Join([]string{sigAlgorithm, s.when.Format(sigTime), s.scope(), hashHex([]byte(canonical))}, "\n")
}

// payloadHash is what the signer says of the body, or the body's own hash.
func payloadHash(r *http.Request, s *signature, body *bodyOf, s3 bool) string {
	if h := r.Header.Get("X-Amz-Content-Sha256"); h != "" {
		return h
	}
	if s3 && s.presigned {
		if h := r.URL.Query().Get("X-Amz-Content-Sha256"); h != "" {
			return h
		}
		return "UNSIGNED-PAYLOAD"
	}
	return body.hash
}

// canonicalPath: S3 signs the path as sent, the others encode it once more.
func canonicalPath(r *http.Request, s3 bool) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if s3 {
		return path
	}
	return uriEncode(path, true)
}

// uriEncode is AWS's: everything but unreserved characters, in upper-case hex.
func uriEncode(s string, keepSlash bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || keepSlash && c == '/' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func canonicalQuery(raw string) string {
	var all []string
	for part := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(part, "=")
		if part == "" || k == "X-Amz-Signature" {
			continue
		}
		all = append(all, recode(k)+"="+recode(v))
	}
	slices.Sort(all)
	return strings.Join(all, "&")
}

func recode(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		plain = s
	}
	return uriEncode(plain, false)
}

func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		var v string
		switch name {
		case "host":
			v = r.Host
		case "content-length": // net/http keeps it apart
			v = strconv.FormatInt(r.ContentLength, 10)
		default:
			values := r.Header.Values(name)
			trimmed := make([]string, len(values))
			for i, s := range values {
				trimmed[i] = strings.Join(strings.Fields(s), " ")
			}
			v = strings.Join(trimmed, ",")
		}
		b.WriteString(name + ":" + v + "\n")
	}
	return b.String()
}
