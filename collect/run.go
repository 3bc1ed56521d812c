package collect

import (
	"context"
	"errors"
)

// Job is one collector at work on one target.
type Job struct {
	Target Target
}

// Pacer keeps calls within AWS's quotas.
type Pacer struct{}

// Run collects from the targets into w. It does not seal: the caller does, with
// Summary.Status, also when ctx was cancelled (what had not been asked for by then
// is in the coverage as not_attempted). The error is one of the store, or of the
// context; what AWS refused is a gap, and Summary.Complete is false.
func Run(ctx context.Context, in Inputs, targets []Target, w Artefacts, o Options) (Summary, error) {
	return Summary{}, errors.ErrUnsupported
}
