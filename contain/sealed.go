package contain

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// keeper opens what the case has sealed, for acts that put it back. What it has opened it
// keeps for the run, so that the ledger tells of each once; nothing of it is written anywhere.
type keeper struct {
	kase *evidence.Case
	mu   sync.Mutex
	open map[string]unlocked // by item id
}

type unlocked struct {
	plain, key []byte
	err        error
}

// sealedItem is a secret of the case.
type sealedItem struct {
	bag  *evidence.Bag
	item evidence.Item
}

type likeKey struct{}

// withLike says which state a document is read to be compared with: it is read under the
// same key of MACs.
func withLike(ctx context.Context, state json.RawMessage) context.Context {
	return context.WithValue(ctx, likeKey{}, state)
}

// like is that state, the zero value without one.
func like[S any](ctx context.Context) S {
	state, _ := ctx.Value(likeKey{}).(json.RawMessage)
	s, err := decode[S](state)
	if err != nil {
		var none S
		return none
	}
	return s
}

// sealed are the secrets of that name and resource, newest first.
func (k *keeper) sealed(ctx context.Context, artefact, arn string) (all []sealedItem, err error) {
	if k == nil || k.kase == nil {
		return nil, errNotKept
	}
	want := func(e evidence.Entry) bool {
		return e.Artefact == artefact && e.Source.ARN == arn && e.State == evidence.Collected && e.Item != nil && e.Item.Sensitive
	}
	for f, err := range k.kase.Find(ctx, want) {
		if err != nil {
			return nil, fmt.Errorf("looking for %s in the case: %w", artefact, err)
		}
		all = append(all, sealedItem{f.Bag, *f.Entry.Item})
	}
	return all, nil
}

// recall opens one, once.
func (k *keeper) recall(ctx context.Context, s sealedItem) ([]byte, []byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o, had := k.open[s.item.ID]; had {
		return o.plain, o.key, o.err
	}
	var o unlocked
	o.plain, o.key, o.err = k.kase.Recall(ctx, s.bag, s.item, k.kase.Operator, "containment puts the environment back, or compares with it")
	if ctx.Err() == nil {
		if k.open == nil {
			k.open = map[string]unlocked{}
		}
		k.open[s.item.ID] = o
	}
	return o.plain, o.key, o.err
}

// macKey is the key by which the values of a resource are compared, and the id of the item
// that holds it: of the one that is named, or of the oldest that opens, so that later
// collections do not change it.
func (k *keeper) macKey(ctx context.Context, artefact, arn, under string) ([]byte, string, error) {
	all, err := k.sealed(ctx, artefact, arn)
	if err != nil {
		return nil, "", err
	}
	err = fmt.Errorf("%s of %s: %w", artefact, arn, errNotKept)
	for i := len(all) - 1; i >= 0; i-- {
		if under != "" && all[i].item.ID != under {
			continue
		}
		_, key, failed := k.recall(ctx, all[i])
		if failed == nil {
			return key, all[i].item.ID, nil
		}
		err = failed
	}
	return nil, "", err
}

func macOf(key, plain []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(plain)
	return hex.EncodeToString(mac.Sum(nil))
}

// replaced gives what earlier writes of this case replaced in a document and sealed, newest
// first, where take wants it: also that of runs that were cut off.
func (k *keeper) replaced(ctx context.Context, doc, resource string, take func(from json.RawMessage) bool) ([]byte, error) {
	if k == nil || k.kase == nil {
		return nil, errNotKept
	}
	var last Intent
	var bag string
	for b, err := range k.kase.Bags(ctx) {
		if err != nil {
			if b == nil {
				return nil, fmt.Errorf("reading the case's bags: %w", err)
			}
			continue // load has told of it
		}
		if b.Header().Kind != evidence.KindContainment {
			continue
		}
		for e, err := range b.Journal(ctx) {
			if err != nil {
				break // as above
			}
			var i Intent
			if e.Kind == noteIntent && json.Unmarshal(e.Value, &i) == nil && i.Doc == doc && i.Resource == resource && len(i.Sealed) > 0 && take(i.From) {
				last, bag = i, b.ID()
			}
		}
	}
	if bag == "" {
		return nil, fmt.Errorf("what %s of %s was: %w", doc, resource, errNotKept)
	}
	plain, err := k.kase.Disclose(ctx, last.Sealed, k.kase.Operator, "containment is taken back", map[string]string{"bag": bag, "intent": last.ID, "artefact": doc})
	if errors.Is(err, evidence.ErrNoIdentity) {
		err = fmt.Errorf("%w: %w: --identity FILE names the one that opens this case's secrets", errNotKept, err)
	}
	return plain, err
}

// vars are the variables in a sealed environment, or in what a write replaced.
func varsOf(plain []byte) (map[string]string, error) {
	var doc struct{ Variables map[string]string }
	dec := json.NewDecoder(bytes.NewReader(plain))
	if err := dec.Decode(&doc); err != nil {
		return nil, errors.New("the sealed environment is not what it should be") // its bytes are not for messages
	}
	return doc.Variables, nil
}

// plainVars is the form in which collect seals them, and of which MACs are taken.
func plainVars(vars map[string]string) ([]byte, error) {
	if vars == nil {
		vars = map[string]string{}
	}
	b, err := json.Marshal(map[string]map[string]string{"Variables": vars})
	if err != nil {
		return nil, errors.New("the environment cannot be encoded")
	}
	return b, nil
}
