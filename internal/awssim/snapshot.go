package awssim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Objects is the logical state of the account, object by object: what a person
// would say it holds, without revision ids and modification times. Keys are
// paths such as lambda/us-east-1/function/NAME; those of other accounts begin
// with the account.
func (c *Cloud) Objects() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	c.eachObject(func(key string, logical, _ any) {
		out[key] = mustMarshal(key, logical)
	})
	return out
}

// Digest is the SHA-256, in hex, of all state, bookkeeping included.
func (c *Cloud) Digest() string {
	lines := map[string]json.RawMessage{}
	c.eachObject(func(key string, logical, bookkeeping any) {
		lines[key] = mustMarshal(key, []any{logical, bookkeeping})
	})
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(h, "%d:%s=%d:%s\n", len(key), key, len(lines[key]), lines[key])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mustMarshal: a state that is not JSON, or a key used twice, is a bug of the
// service's objects method.
func mustMarshal(key string, v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("awssim: object %s: %v", key, err))
	}
	return b
}

func (c *Cloud) eachObject(put putObject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	once := func(account string) putObject {
		return func(key string, logical, bookkeeping any) {
			if account != "" && account != c.cfg.AccountID {
				key = account + "/" + key
			}
			if seen[key] {
				panic("awssim: two objects under " + key)
			}
			seen[key] = true
			put(key, logical, bookkeeping)
		}
	}
	eachShard(&c.iam, once)
	eachShard(&c.kms, once)
	eachShard(&c.lambda, once)
	eachShard(&c.logs, once)
	eachShard(&c.events, once)
	eachShard(&c.sqs, once)
	eachShard(&c.trails, once)
	eachShard(&c.topics, once)
	eachShard(&c.schedulers, once)
	eachShard(&c.pipes, once)
	eachShard(&c.autoscaling, once)
	eachShard(&c.vaults, once)
	eachShard(&c.ssms, once)
	eachShard(&c.gateway, once)
	eachShard(&c.elb, once)
	eachShard(&c.fronts, once)
	c.s3.objects("", "", once(""))
	eachShard(&c.xray, once)
	eachShard(&c.guardduty, once)
	eachShard(&c.accessanalyzer, once)
	eachShard(&c.inspector2, once)
	eachShard(&c.config, once)
	eachShard(&c.cloudwatch, once)
	eachShard(&c.ec2, once)
	eachShard(&c.efs, once)
	eachShard(&c.ecr, once)
	eachShard(&c.athena, once)
}

func eachShard[T any, P interface {
	*T
	objects(account, region string, put putObject)
}](s *shards[T], once func(account string) putObject) {
	scopes := slices.SortedFunc(maps.Keys(s.m), func(a, b scope) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	})
	for _, k := range scopes {
		P(s.m[k]).objects(k.account, k.region, once(k.account))
	}
}
