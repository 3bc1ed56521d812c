// Package collect reads evidence from AWS and puts it into a case. It changes
// nothing in the account: every call is declared, and the client refuses the rest.
//
// To add an artefact: one file with a Collector value, one line in catalogue.go.
package collect

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Collector takes one kind of evidence of a target.
type Collector struct {
	Name, About string // Name: "lambda.code"; Artefacts are named Name or Name.part
	Needs       []awsapi.Need
	Collect     func(ctx context.Context, t Target, cfg ConfigFor, out Sink) error
}

// ConfigFor gives the collector a client configuration for a region, limited to the calls it declared.
type ConfigFor func(region string) aws.Config

// Sink takes what a collector found, or did not.
type Sink interface {
	Put(ctx context.Context, m evidence.Meta, write func(io.Writer) error) (evidence.Item, error)
	Gap(g evidence.Gap) error
}
