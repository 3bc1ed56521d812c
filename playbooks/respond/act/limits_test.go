package act_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// TestLimitsHold: several workers who decide at the same moment about several findings of one function
// act as often as the limit allows, and no more.
func TestLimitsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 4
		s := newStage(t)
		message, id := s.message, *s.finding.Id
		outs, errs := make([]*respond.Acted, workers), make([]error, workers)
		var wg sync.WaitGroup
		for i := range workers {
			other := fmt.Sprintf("%s%02d", id[:30], i)
			s.finding.Id, s.finding.Arn = aws.String(other), nil
			s.stageFinding()
			o, mine := s.o, bytes.ReplaceAll(message, []byte(id), []byte(other))
			v, err := vault.OpenFolder(s.cases)
			if err != nil {
				t.Fatal(err)
			}
			o.Board, o.Notify = board.On(v, fmt.Sprint("worker ", i)), nil
			wg.Go(func() { outs[i], errs[i] = s.actingFor(t.Context(), o, mine) })
		}
		wg.Wait()
		did, refused := 0, 0
		for i, out := range outs {
			switch {
			case errs[i] != nil:
				t.Errorf("worker %d: %v", i, errs[i])
			case out.Decision.Outcome == mandate.DoAct:
				did++
			case out.Decision.Reasons[0].ID == mandate.FunctionLimit.ID:
				refused++
			default:
				t.Errorf("worker %d: %+v", i, out.Decision)
			}
		}
		if did != 1 || refused != workers-1 || len(s.names("acted/")) != 1 {
			t.Errorf("%d acted, %d were kept from it by the limit; notes %v", did, refused, s.names("acted/"))
		}
		s.intact()
	})
}
