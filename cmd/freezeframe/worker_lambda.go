package main

import (
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
)

// workerInLambda answers invocations until Lambda takes the machine away.
func (p *program) workerInLambda(c *cli.Context) error {
	if p.getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return ui.UsageHint("freezeframe worker --queue URL ...", "--lambda: this is no Lambda function (AWS_LAMBDA_RUNTIME_API is empty)")
	}
	if err := p.workerUsage(c); err != nil {
		return err
	}
	p.s.JSON = true // for whoever reads its log group
	outside := p.getenv
	p.getenv = func(name string) string { // there is no home, and nothing can be written but for one folder
		if v := outside(name); v != "" || name != "FREEZEFRAME_HOME" {
			return v
		}
		return filepath.Join(os.TempDir(), "freezeframe")
	}
	b, err := p.board(c)
	if err != nil {
		return err
	}
	if err := p.prepare(c, b); err != nil {
		return err
	}
	handlers, err := p.handlers(c, b)
	if err != nil {
		return err
	}
	batch := &worker.Batch{Handlers: handlers, Parallel: c.Int("parallel"), Tell: p.tellMessage, Minute: p.eachMinute(p.actor(c, b.As(b.Who()+", each minute")))}
	lambda.StartWithOptions(batch.Handle, lambda.WithContext(c.Context))
	return nil
}
