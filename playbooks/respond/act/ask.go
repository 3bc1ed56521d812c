package act

import (
	"context"

	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

func (w *work) approvals(context.Context) ([]mandate.Approval, error) { return nil, nil }
func (w *work) ask(context.Context) error                             { return nil }
