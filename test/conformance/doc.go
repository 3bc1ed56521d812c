// Package conformance lets third parties judge the project: other people's emulators, the
// AWS CLI, boto3, an S3 server with a real Object Lock, another engine for Sigma rules. It
// is a Go module of its own, so that nothing it may come to need enters the product's
// go.mod. .ci/tools installs the judges and sets the FREEZEFRAME_ variables that the tests
// read.
package conformance
