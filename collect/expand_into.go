package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Parameters in the header of a bag that an expansion filled: from which bag, and why each
// function (why.NAME) and key (why.key.ID) was added.
const (
	paramExpanded = "expanded_from"
	paramKeys     = "keys"
	paramKeysOnly = "keys_only"
)

// ExpandInto collects what an expansion proposes into a bag of its own. Where it proposes
// access keys alone, only their lookups are made.
func ExpandInto(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, from *evidence.Bag, x *Expansion, o Options) (*evidence.Bag, Summary, error) {
	h.Params = map[string]string{paramExpanded: x.From}
	var targets []Target
	for _, p := range x.Functions {
		targets = append(targets, p.Target)
		h.Params["why."+p.Name] = p.Why()
	}
	for _, p := range x.Keys {
		o.Keys = append(o.Keys, p.Name)
		h.Params["why.key."+p.Name] = p.Why()
	}
	if len(targets) == 0 { // the collection needs a function to be about; nothing else is asked of it
		o.KeysOnly, o.Only = true, []string{"cloudtrail.lookup"}
		var err error
		if targets, err = targetsOf(from); err != nil {
			return nil, Summary{}, err
		}
	}
	return Into(ctx, s, c, h, targets, o)
}

// keyParams are the followed keys as a bag's header tells them, so that it can be resumed.
func (o Options) keyParams(params map[string]string) {
	if len(o.Keys) > 0 {
		params[paramKeys] = strings.Join(o.Keys, " ")
	}
	if o.KeysOnly {
		params[paramKeysOnly] = "true"
	}
}

// takeKeys is the way back.
func (o *Options) takeKeys(params map[string]string) {
	o.Keys, o.KeysOnly = strings.Fields(params[paramKeys]), params[paramKeysOnly] == "true"
}

// followKeys looks up what was done with access keys that were asked for by name, in the same
// regions as those of the role's sessions.
func (j *Job) followKeys(ctx context.Context) {
	var qs []query
	for _, k := range j.run.o.Keys {
		if !accessKey.MatchString(k) || !j.run.claim("key "+k) {
			continue
		}
		for _, region := range j.lookupRegions() {
			qs = append(qs, query{region: region, key: types.LookupAttributeKeyAccessKeyId, value: k})
		}
	}
	j.lookups(ctx, qs, newKeysOfRoles())
}
