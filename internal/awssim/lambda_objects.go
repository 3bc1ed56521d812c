package awssim

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// objects: what an undo has to restore is logical; revision ids, times and reasons,
// which AWS makes anew with every write, are bookkeeping.
func (s *lambdaState) objects(account, region string, put putObject) {
	at := fmt.Sprintf("lambda/%s/%s/", account, region)
	for _, f := range s.functions {
		f.objects(at+"function/"+f.name, put)
	}
	for id, m := range s.mappings {
		if m.moving == "Deleting" {
			continue // on its way out, and never on its way back
		}
		cfg := m.config
		cfg.LastModified, cfg.StateTransitionReason, cfg.LastProcessingResult, cfg.State = nil, nil, nil, nil
		put(at+"mapping/"+id, map[string]any{"config": cfg, "enabled": m.enabled, "tags": m.tags}, m.changed.UTC())
	}
	for name, l := range s.layers {
		for n, v := range l.versions {
			put(fmt.Sprintf("%slayer/%s/%d", at, name, n), map[string]any{"code": v.content.CodeSha256, "kept": v.content.ResolvedS3Object, "policy": policyText(v.policy)}, revisionOf(v.policy))
		}
	}
	for name, p := range s.providers {
		logical := *p
		logical.LastModified = nil
		put(at+"capacity/"+name, logical, p.LastModified)
	}
	for arn, k := range s.signing {
		cfg := k.config
		cfg.LastModified = nil
		put(at+"signing/"+arn, cfg, k.config.LastModified)
	}
}

func (f *function) objects(at string, put putObject) {
	put(at, map[string]any{"recursion": f.recursion, "signing": f.signing, "tags": f.tags, "reserved": f.reserved}, map[string]any{"lost": f.lost, "next": f.next})
	for _, v := range append([]*version{f.latest}, f.published...) {
		cfg := v.config
		cfg.RevisionId, cfg.LastModified = nil, nil
		put(at+"/version/"+v.number, map[string]any{"config": cfg, "code": v.code}, []any{v.config.RevisionId, v.settled, v.config.LastModified, v.changed.UTC()})
	}
	for name, a := range f.aliases {
		logical := *a
		logical.RevisionId = nil
		put(at+"/alias/"+name, logical, a.RevisionId)
	}
	for q, p := range f.policies {
		put(at+"/policy/"+q, policyText(p), nil)
	}
	for q, u := range f.urls {
		logical := u.config
		logical.LastModifiedTime = nil
		put(at+"/url/"+q, logical, u.config.LastModifiedTime)
	}
	for q, i := range f.invokes {
		logical := i.config
		logical.LastModified = nil
		put(at+"/invoke/"+q, logical, timeOf(i.config))
	}
	for q, p := range f.provisioned {
		put(at+"/provisioned/"+q, p.requested, p.changed.UTC())
	}
	for q, s := range f.scaling {
		put(at+"/scaling/"+q, s, nil)
	}
	for _, d := range f.durable {
		put(at+"/durable/"+d.name+"/"+d.id, map[string]any{"version": d.version, "about": d.about, "events": d.events}, nil)
	}
	for q, r := range f.runtimes {
		put(at+"/runtime/"+q, map[string]any{"on": r.on, "arn": r.arn}, nil)
	}
}

func timeOf(c lt.FunctionEventInvokeConfig) any { return aws.ToTime(c.LastModified).UTC() }

func policyText(p *functionPolicy) string {
	if p == nil {
		return ""
	}
	return p.document.String()
}

func revisionOf(p *functionPolicy) string {
	if p == nil {
		return ""
	}
	return p.revision
}
