package respond

import (
	"context"
	"errors"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// OpenCase opens the case in a place, or makes it where there is none. Of several who come at the
// same moment one makes it, and all come to the same. made says whether it was made here.
func OpenCase(ctx context.Context, v vault.Vault, o evidence.CaseOptions) (c *evidence.Case, made bool, err error) {
	c, err = evidence.OpenCase(ctx, v)
	if err == nil || !errors.Is(err, evidence.ErrNotCase) {
		return c, false, err
	}
	c, err = evidence.CreateCase(ctx, v, o)
	if err == nil {
		return c, true, nil
	}
	// Somebody was quicker.
	if again, openErr := evidence.OpenCase(ctx, v); openErr == nil {
		return again, false, nil
	}
	return nil, false, fmt.Errorf("making the case: %w", err)
}
