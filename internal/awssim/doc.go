// Package awssim is a simulated AWS account behind an http.Handler.
//
// The real Go SDK and the real AWS CLI talk to it unmodified. It is part of the
// product (the tabletop exercises run on it) as well as of the tests, so it
// has to tell the truth: requests are decoded and responses encoded by one
// codec, driven by a table of facts generated from AWS's own API shapes
// (facts/*.txt, made by gen/), so that an operation is only its behaviour and a
// wrong shape cannot be written. Signatures are verified, an IAM evaluator
// decides, every call is recorded in the simulated CloudTrail.
//
// It never executes function code.
//
// To add an operation: write its behaviour in SERVICE_*.go as a function from
// the SDK's input type to the SDK's output type, and name it in that service's
// list of operations.
package awssim
