package ui

import (
	"errors"
	"syscall"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// hint tells how the process ends for one cause, and what to run next.
type hint struct {
	is   func(error) bool
	code int
	hint string
}

func cause(sentinel error) func(error) bool {
	return func(err error) bool { return errors.Is(err, sentinel) }
}

// hints is the one table of causes. The first that fits wins.
func hints() []hint {
	return []hint{
		{awsapi.IsRefused, ExitRefused, ""},
		{cause(awsapi.ErrNoRegion), ExitUsage, "export AWS_REGION=us-east-1, or add --region"},
		{cause(awsapi.ErrExpired), ExitError, "aws sso login, or renew the credentials, and run the same command again"},
		{cause(awsapi.ErrNoCredentials), ExitError, "aws configure list"},
		{cause(awsapi.ErrUnreachable), ExitError, "check --endpoint-url, AWS_ENDPOINT_URL and the network, and run the same command again"},
		{cause(evidence.ErrNotCase), ExitUsage, "freezeframe case open DIR --title T --authority A --operator O"},
		{cause(syscall.ENOSPC), ExitError, "free some space, then: freezeframe verify CASE"},
	}
}
