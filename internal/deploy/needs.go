package deploy

import (
	"fmt"
	"slices"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// Words that stand for what only the stack knows, until statements are printed (see written).
const (
	account       = "ACCOUNT"
	vaultBucket   = "VAULT"
	encryptionKey = "arn:aws:kms:REGION:" + account + ":key/ENCRYPTION"
	keyItself     = "*" // in the policy of a key
	alertQueue    = "arn:aws:sqs:REGION:" + account + ":QUEUE"
	memberRoles   = "arn:aws:iam::*:role/"
	collectRole   = "COLLECT-ROLE"
	containRole   = "CONTAIN-ROLE"
)

// WorkerNeeds are what a worker calls in the security account and its role has to allow: its queue,
// the vault, and the roles of members. Signing is allowed by the key's own policy (SigningNeeds).
func WorkerNeeds() []awsapi.Need {
	return slices.Concat(
		queue.Needs(), vaultNeeds(),
		[]awsapi.Need{{Call: "STS:AssumeRole", Class: awsapi.Plumbing, IAM: []awsapi.Grant{{Action: "sts:AssumeRole", Resource: "member role ARN"}, {Action: "sts:SetSourceIdentity", Resource: "member role ARN"}}}},
	)
}

// vaultNeeds are those of a vault, less what is for buckets that keep no versions: this one does.
func vaultNeeds() []awsapi.Need {
	all := s3vault.Needs(s3vault.Options{Bucket: vaultBucket, KMSKey: encryptionKey})
	for i := range all {
		all[i].IAM = slices.DeleteFunc(slices.Clone(all[i].IAM), func(g awsapi.Grant) bool { return g.Action == "s3:GetObject" })
	}
	return all
}

// SigningNeeds are the calls on the key that signs.
func SigningNeeds() []awsapi.Need { return kmssign.Needs(keyItself) }

func workerResources(template string) []string {
	switch template {
	case "queue ARN":
		return []string{alertQueue}
	case "member role ARN": // of accounts that nobody knows beforehand: the names are ours, and each role asks for the external id
		return []string{memberRoles + collectRole, memberRoles + containRole}
	}
	return []string{template} // vault and keys are named in the Needs themselves
}

// CollectionNeeds are what is read of an account under investigation.
func CollectionNeeds() ([]awsapi.Need, error) {
	pb, err := respond.Playbook()
	if err != nil {
		return nil, err
	}
	return slices.Concat(pb.Needs(), respond.Needs(), collect.Needs(collect.All), collect.ResolveNeeds(), act.ReadNeeds()), nil
}

// Acts are the acts of containment that are done without people: they stop the function and cut its
// role off, and come back by release. None of their calls can give anybody a right: they write no
// policy, no trust, no code, no configuration, and pass no role. What they cannot do is for people,
// with the policy of `doctor --policy contain`.
func Acts() []string {
	return []string{"concurrency-zero", "instances-zero", "provisioned-delete", "autoscaling-suspend", "recursion-end", "mappings-off", "pipes-stop", "role-attach-deny"}
}

// ContainmentNeeds are what those acts call. Planning looks at users too, where an actor is one: the
// unattended acts are on functions.
func ContainmentNeeds() ([]awsapi.Need, error) {
	all, err := contain.NeedsOf(Acts()...)
	return slices.DeleteFunc(all, func(n awsapi.Need) bool { return n.Call == "IAM:GetUser" }), err
}

// members are the resources of a member account, any function of it in any region.
func members(template string) []string {
	return collect.Resources(collect.Target{Account: account, Region: "*", Function: "*", ARN: "arn:aws:lambda:*:" + account + ":function:*"})(template)
}

func (p *printer) policy(name string) ([]statement, error) {
	switch name {
	case "signing":
		return policyOf(SigningNeeds(), workerResources, nil)
	case "worker":
		return policyOf(WorkerNeeds(), workerResources, nil)
	case "collection":
		needs, err := CollectionNeeds()
		if err != nil {
			return nil, err
		}
		return policyOf(needs, members, collect.Never())
	case "containment":
		needs, err := ContainmentNeeds()
		if err != nil {
			return nil, err
		}
		return policyOf(needs, members, slices.Concat(contain.Never(), collect.Never()))
	}
	return nil, fmt.Errorf("no policy %q", name)
}
