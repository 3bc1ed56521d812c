// Package awsapi makes the AWS sessions of this tool, and holds its promises at
// the client: a call that was not declared, one that changes the account where
// only reading was asked for, and one that this tool never makes are refused
// before a byte leaves the process. It records every call made.
//
// It imports no AWS service but sts; whoever needs a service makes its own
// client from Session.Config.
package awsapi
