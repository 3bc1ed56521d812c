// Package tsa gets and checks time stamps after RFC 3161 over a SHA-256 digest.
//
// A time stamp is a third party's signed word that a digest existed at a time: it shows
// that the head of a case was not written later than that. The stored form is the whole
// TimeStampResp in DER, the .tsr file of "openssl ts":
//
//	openssl ts -verify -digest HEX -in head.tsr -CAfile ca.pem [-attime UNIXTIME]
//
// (openssl checks the certificates now unless told -attime; Verify checks them at the
// time of the stamp, so that a stamp outlives its authority's certificate.)
//
// Formats: RFC 3161 and 5816 (requests, answers, TSTInfo), RFC 5652 (SignedData), RFC 5035
// (signingCertificate attributes). Only DER is read: BER's indefinite lengths are refused.
// Revocation is not checked: that needs the network, or lists that the case would hold.
package tsa

import (
	"errors"
	"time"
)

var (
	// ErrRefused: the authority answered with a status that is not a grant.
	ErrRefused = errors.New("the time stamp authority refused")
	// ErrMismatch: a time stamp, but of another digest, algorithm or request.
	ErrMismatch = errors.New("the time stamp is not of what was asked")
	// ErrInvalid: no time stamp, a malformed one, or one whose signature, attributes or
	// signing certificate do not hold.
	ErrInvalid = errors.New("not a valid time stamp")
	// ErrUntrusted: a time stamp that holds in itself; its certificate does not chain to the
	// given roots at the time it states.
	ErrUntrusted = errors.New("the time stamp's certificate is not trusted")
)

const (
	// maxToken bounds an answer, in bytes. Tokens with a chain of four RSA certificates
	// stay under 8 KiB.
	maxToken = 64 << 10
	// maxNumber bounds serial numbers, nonces and object identifiers, in bytes. RFC 3161
	// asks for 20.
	maxNumber = 64
	// maxName bounds the name of the signer, in characters.
	maxName = 200
)

// Info is what a time stamp says. All of it is under the signature.
type Info struct {
	// Time is genTime, in UTC: the digest existed then.
	Time time.Time
	// Accuracy is how far Time may be off, either way. 0: the token does not say.
	Accuracy time.Duration
	// Serial is the token's number at its authority, as openssl prints it: 0x04D2.
	Serial string
	// TSA is the subject of the signing certificate as an RFC 4514 string of at most 200
	// characters. Without Trusted anybody can have written it: escape it before showing it.
	TSA string
	// Policy is the policy's object identifier in dotted form.
	Policy string
	// Trusted says that the signing certificate chains to the given roots at Time.
	Trusted bool
}
