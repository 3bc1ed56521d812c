package lineage

// rule pairs the call that makes something with those that take it back.
type rule struct {
	make   string   // "iam:CreateUser"
	kind   string   // of the finding
	change string   // "created", "changed", "granted", "deleted"
	id     []string // what names it, in order: paths of timeline.Event.Name, alternatives parted by "|", "=..." a fixed word; "@function" is the function,
	// "@qualifier" its version or alias, where there is one
	undo   []undo
	detail string // path of what it hangs on or admits
	global bool   // its names are those of the account, not of a region
}

// undo is a call that takes it back. Its own id paths may differ from the making call's;
// what they name is what was made, or what it stood under: deleting a function takes its
// URL and its policy along.
type undo struct {
	call string
	id   []string // nil: the same as the making call's
}

const (
	created = "created"
	changed = "changed"
	granted = "granted"
	deleted = "deleted"
)

// rules is the catalogue: what an intruder may leave behind, or take away, and how that is
// undone. To add one, a line here. Names are CloudTrail's, Lambda's without their dates.
func rules() []rule {
	r := func(s string) string { return "request." + s }
	var (
		user, role, group = r("userName"), r("roleName"), r("groupName")
		policy, arn       = r("policyName"), r("policyArn")
		function          = "@function"
	)
	all := []rule{
		{make: "iam:CreateUser", kind: "user", change: created, id: []string{"=user", user}, undo: []undo{{call: "iam:DeleteUser"}}, global: true},
		{make: "iam:CreateAccessKey", kind: "access-key", change: created, id: []string{"=key", "response.accessKey.accessKeyId"},
			undo: []undo{{"iam:DeleteAccessKey", []string{"=key", r("accessKeyId")}}}, global: true}, // whose it is, is not said where it is one's own
		{make: "iam:CreateLoginProfile", kind: "login-profile", change: created, id: []string{"=user", user, "=password"}, undo: []undo{{call: "iam:DeleteLoginProfile"}}, global: true},
		{make: "iam:UpdateLoginProfile", kind: "login-profile", change: changed, id: []string{"=user", user, "=password"}, undo: []undo{{call: "iam:DeleteLoginProfile"}}, global: true},
		{make: "iam:CreateRole", kind: "role", change: created, id: []string{"=role", role}, undo: []undo{{call: "iam:DeleteRole"}}, global: true},
		{make: "iam:UpdateAssumeRolePolicy", kind: "trust-policy", change: changed, id: []string{"=role", role, "=trust"}, undo: []undo{{"iam:DeleteRole", []string{"=role", role}}}, global: true},
		{make: "iam:CreatePolicy", kind: "policy", change: created, id: []string{"=policy", "response.policy.arn|" + arn}, undo: []undo{{"iam:DeletePolicy", []string{"=policy", arn}}}, global: true},
		{make: "iam:CreatePolicyVersion", kind: "policy-version", change: created, id: []string{"=policy", arn, "=version", "response.policyVersion.versionId|" + r("versionId")},
			undo: []undo{{"iam:DeletePolicyVersion", []string{"=policy", arn, "=version", r("versionId")}}, {"iam:DeletePolicy", []string{"=policy", arn}}}, global: true},
		{make: "iam:AddUserToGroup", kind: "group-membership", change: granted, id: []string{"=group", group, "=member", user}, undo: []undo{{call: "iam:RemoveUserFromGroup"}}, global: true},
		{make: "iam:CreateGroup", kind: "group", change: created, id: []string{"=group", group}, undo: []undo{{call: "iam:DeleteGroup"}}, global: true},
		{make: "iam:CreateInstanceProfile", kind: "instance-profile", change: created, id: []string{"=profile", r("instanceProfileName")}, undo: []undo{{call: "iam:DeleteInstanceProfile"}}, global: true},
		{make: "iam:AddRoleToInstanceProfile", kind: "instance-profile-role", change: granted, id: []string{"=profile", r("instanceProfileName"), "=role", role}, undo: []undo{{call: "iam:RemoveRoleFromInstanceProfile"}}, global: true},
		{make: "iam:CreateSAMLProvider", kind: "identity-provider", change: created, id: []string{"=provider", "response.sAMLProviderArn|" + r("sAMLProviderArn")}, undo: []undo{{"iam:DeleteSAMLProvider", []string{"=provider", r("sAMLProviderArn")}}}, global: true},
		{make: "iam:CreateOpenIDConnectProvider", kind: "identity-provider", change: created, id: []string{"=provider", "response.openIDConnectProviderArn|" + r("openIDConnectProviderArn")}, undo: []undo{{"iam:DeleteOpenIDConnectProvider", []string{"=provider", r("openIDConnectProviderArn")}}}, global: true},
		{make: "iam:DeactivateMFADevice", kind: "mfa-device", change: deleted, id: []string{"=user", user, "=mfa", r("serialNumber")}, undo: []undo{{call: "iam:EnableMFADevice"}}, global: true},
		{make: "rolesanywhere:CreateTrustAnchor", kind: "trust-anchor", change: created, id: []string{"=anchor", "response.trustAnchor.trustAnchorId|response.trustAnchor.name|" + r("trustAnchorId")}, undo: []undo{{"rolesanywhere:DeleteTrustAnchor", []string{"=anchor", r("trustAnchorId")}}}},
		{make: "rolesanywhere:CreateProfile", kind: "rolesanywhere-profile", change: created, id: []string{"=rap", "response.profile.profileId|" + r("profileId")}, undo: []undo{{"rolesanywhere:DeleteProfile", []string{"=rap", r("profileId")}}}},

		{make: "lambda:CreateFunction", kind: "function", change: created, id: []string{"=function", function}, undo: []undo{{call: "lambda:DeleteFunction"}}},
		{make: "lambda:UpdateFunctionCode", kind: "function-code", change: changed, id: []string{"=function", function, "=code"}, undo: []undo{{"lambda:DeleteFunction", []string{"=function", function}}}},
		{make: "lambda:UpdateFunctionConfiguration", kind: "function-configuration", change: changed, id: []string{"=function", function, "=configuration"}, undo: []undo{{"lambda:DeleteFunction", []string{"=function", function}}}},
		{make: "lambda:PublishVersion", kind: "function-version", change: created, id: []string{"=function", function, "=version", "response.version"}},
		{make: "lambda:AddPermission", kind: "function-permission", change: granted, id: []string{"=function", function, "=statement", r("statementId"), "@qualifier"}, undo: []undo{{call: "lambda:RemovePermission"}}},
		{make: "lambda:CreateFunctionUrlConfig", kind: "function-url", change: created, id: []string{"=function", function, "=url", "@qualifier"}, undo: []undo{{call: "lambda:DeleteFunctionUrlConfig"}}},
		{make: "lambda:UpdateFunctionUrlConfig", kind: "function-url", change: changed, id: []string{"=function", function, "=url", "@qualifier"}, undo: []undo{{call: "lambda:DeleteFunctionUrlConfig"}}},
		{make: "lambda:CreateEventSourceMapping", kind: "event-source-mapping", change: created, id: []string{"=mapping", "response.uUID|" + r("uUID")}, detail: "request.eventSourceArn", undo: []undo{{"lambda:DeleteEventSourceMapping", []string{"=mapping", r("uUID") + "|" + r("uuid")}}}},
		{make: "lambda:CreateAlias", kind: "function-alias", change: created, id: []string{"=function", function, "=alias", r("name")}, undo: []undo{{call: "lambda:DeleteAlias"}}},
		{make: "lambda:UpdateAlias", kind: "function-alias", change: changed, id: []string{"=function", function, "=alias", r("name")}, undo: []undo{{call: "lambda:DeleteAlias"}}},
		{make: "lambda:PublishLayerVersion", kind: "layer-version", change: created, id: []string{"=layer", r("layerName"), "=version", "response.version|" + r("versionNumber")},
			undo: []undo{{"lambda:DeleteLayerVersion", []string{"=layer", r("layerName"), "=version", r("versionNumber")}}}},
		{make: "lambda:AddLayerVersionPermission", kind: "layer-permission", change: granted, id: []string{"=layer", r("layerName"), "=statement", r("statementId")}, undo: []undo{{call: "lambda:RemoveLayerVersionPermission"}}},
		{make: "lambda:PutFunctionEventInvokeConfig", kind: "invoke-configuration", change: changed, id: []string{"=function", function, "=invoke", "@qualifier"}, undo: []undo{{call: "lambda:DeleteFunctionEventInvokeConfig"}}},
		{make: "lambda:PutFunctionConcurrency", kind: "concurrency", change: changed, id: []string{"=function", function, "=concurrency"}, undo: []undo{{call: "lambda:DeleteFunctionConcurrency"}}},
	}
	for _, of := range []string{"User", "Role", "Group"} {
		name := map[string]string{"User": user, "Role": role, "Group": group}[of]
		kind := map[string]string{"User": "user", "Role": "role", "Group": "group"}[of]
		all = append(all,
			rule{make: "iam:Put" + of + "Policy", kind: "inline-policy", change: granted, id: []string{"=" + kind, name, "=inline", policy}, undo: []undo{{call: "iam:Delete" + of + "Policy"}}, global: true},
			rule{make: "iam:Attach" + of + "Policy", kind: "attached-policy", change: granted, id: []string{"=" + kind, name, "=attached", arn}, undo: []undo{{call: "iam:Detach" + of + "Policy"}}, global: true})
	}
	return append(append(append(all, watchRules(r)...), furtherRules(r)...), capacityRules(r)...)
}

// capacityRules are those of what runs at the owner's cost.
func capacityRules(r func(string) string) []rule {
	return []rule{
		{make: "lambda:PutProvisionedConcurrencyConfig", kind: "function-provisioned", change: changed, id: []string{"=function", "@function", "=provisioned", "@qualifier"}, undo: []undo{{call: "lambda:DeleteProvisionedConcurrencyConfig"}}},
		{make: "lambda:PutFunctionRecursionConfig", kind: "function-recursion", change: changed, id: []string{"=function", "@function", "=recursion"}, undo: []undo{{"lambda:DeleteFunction", []string{"=function", "@function"}}}},
		{make: "lambda:PutFunctionScalingConfig", kind: "function-scaling", change: changed, id: []string{"=function", "@function", "=scaling", "@qualifier"}, undo: []undo{{"lambda:DeleteFunction", []string{"=function", "@function"}}}},
		// Application Auto Scaling signs its records as EC2 Auto Scaling does.
		{make: "autoscaling:RegisterScalableTarget", kind: "scalable-target", change: changed, id: []string{"=scalable", r("resourceId")}, undo: []undo{{call: "autoscaling:DeregisterScalableTarget"}}},
	}
}

// watchRules are those of what wakes functions, and of what records.
func watchRules(r func(string) string) []rule {
	return []rule{
		{make: "events:PutRule", kind: "rule", change: created, id: []string{"=rule", r("name") + "|" + r("rule")}, undo: []undo{{call: "events:DeleteRule"}}},
		{make: "events:PutTargets", kind: "rule-target", change: created, id: []string{"=rule", r("rule"), "=targets"}, detail: "request.targets.arn", undo: []undo{{call: "events:RemoveTargets"}}},
		{make: "events:CreateEventBus", kind: "event-bus", change: created, id: []string{"=bus", r("name")}, undo: []undo{{call: "events:DeleteEventBus"}}},
		{make: "events:PutPermission", kind: "event-bus-permission", change: granted, id: []string{"=bus", r("eventBusName"), "=statement", r("statementId")}, undo: []undo{{call: "events:RemovePermission"}}},
		{make: "scheduler:CreateSchedule", kind: "schedule", change: created, id: []string{"=schedule", r("groupName") + "|=default", r("name")}, detail: "request.target.arn", undo: []undo{{call: "scheduler:DeleteSchedule"}}},
		{make: "pipes:CreatePipe", kind: "pipe", change: created, id: []string{"=pipe", r("name")}, detail: "request.target", undo: []undo{{call: "pipes:DeletePipe"}}},
		{make: "states:CreateStateMachine", kind: "state-machine", change: created, id: []string{"=machine", "response.stateMachineArn|" + r("stateMachineArn")}, undo: []undo{{"states:DeleteStateMachine", []string{"=machine", r("stateMachineArn")}}}},

		{make: "cloudtrail:CreateTrail", kind: "trail", change: created, id: []string{"=trail", r("name")}, undo: []undo{{call: "cloudtrail:DeleteTrail"}}},
		{make: "cloudtrail:StopLogging", kind: "trail-logging", change: changed, id: []string{"=trail", r("name"), "=logging"}, undo: []undo{{call: "cloudtrail:StartLogging"}}},
		{make: "cloudtrail:DeleteTrail", kind: "trail", change: deleted, id: []string{"=gone", r("name")}, undo: []undo{{call: "cloudtrail:CreateTrail"}}},
		{make: "cloudtrail:UpdateTrail", kind: "trail", change: changed, id: []string{"=trail", r("name"), "=settings"}},
		{make: "cloudtrail:PutEventSelectors", kind: "trail-selectors", change: changed, id: []string{"=trail", r("trailName"), "=selectors"}},
	}
}

// furtherRules are those of what stands around functions.
func furtherRules(r func(string) string) []rule {
	bucket, group := r("bucketName"), r("logGroupName")
	return []rule{
		{make: "logs:CreateLogGroup", kind: "log-group", change: created, id: []string{"=logs", group}, undo: []undo{{call: "logs:DeleteLogGroup"}}},
		{make: "logs:DeleteLogGroup", kind: "log-group", change: deleted, id: []string{"=gone", group}},
		{make: "logs:PutSubscriptionFilter", kind: "log-subscription", change: created, id: []string{"=logs", group, "=filter", r("filterName")}, undo: []undo{{call: "logs:DeleteSubscriptionFilter"}}},
		{make: "logs:PutResourcePolicy", kind: "log-policy", change: granted, id: []string{"=logpolicy", r("policyName")}, undo: []undo{{call: "logs:DeleteResourcePolicy"}}},
		{make: "ec2:RunInstances", kind: "instance", change: created, id: []string{"=instance", "response.instancesSet.items.instanceId|request.instancesSet.items.instanceId"},
			undo: []undo{{"ec2:TerminateInstances", []string{"=instance", "request.instancesSet.items.instanceId"}}}},
		{make: "ec2:CreateKeyPair", kind: "key-pair", change: created, id: []string{"=keypair", r("keyName")}, undo: []undo{{call: "ec2:DeleteKeyPair"}}},
		{make: "ec2:ImportKeyPair", kind: "key-pair", change: created, id: []string{"=keypair", r("keyName")}, undo: []undo{{call: "ec2:DeleteKeyPair"}}},
		{make: "ec2:AuthorizeSecurityGroupIngress", kind: "security-group-rule", change: granted, id: []string{"=sg", r("groupId"), "=ingress"}, undo: []undo{{call: "ec2:RevokeSecurityGroupIngress"}}},
		{make: "ec2:ModifySnapshotAttribute", kind: "snapshot-sharing", change: granted, id: []string{"=snapshot", r("snapshotId"), "=sharing"}},
		{make: "ec2:ModifyImageAttribute", kind: "image-sharing", change: granted, id: []string{"=image", r("imageId"), "=sharing"}},
		{make: "ec2:ModifyInstanceAttribute", kind: "instance-attribute", change: changed, id: []string{"=instance", r("instanceId"), "=attributes"}},
		{make: "rds:ModifyDBSnapshotAttribute", kind: "snapshot-sharing", change: granted, id: []string{"=dbsnapshot", r("dBSnapshotIdentifier"), "=sharing"}},
		{make: "ec2:DeleteFlowLogs", kind: "flow-logs", change: deleted, id: []string{"=flowlogs"}},
		{make: "s3:CreateBucket", kind: "bucket", change: created, id: []string{"=bucket", bucket}, undo: []undo{{call: "s3:DeleteBucket"}}, global: true},
		{make: "s3:PutBucketPolicy", kind: "bucket-policy", change: granted, id: []string{"=bucket", bucket, "=policy"}, undo: []undo{{call: "s3:DeleteBucketPolicy"}}, global: true},
		{make: "s3:PutBucketNotification", kind: "bucket-notification", change: changed, id: []string{"=bucket", bucket, "=notification"}, global: true},
		{make: "s3:PutBucketReplication", kind: "bucket-replication", change: changed, id: []string{"=bucket", bucket, "=replication"}, undo: []undo{{call: "s3:DeleteBucketReplication"}}, global: true},
		{make: "kms:CreateGrant", kind: "key-grant", change: granted, id: []string{"=kms", "response.grantId|" + r("grantId")}, undo: []undo{{"kms:RevokeGrant", []string{"=kms", r("grantId")}}, {"kms:RetireGrant", []string{"=kms", r("grantId")}}}},
		{make: "kms:PutKeyPolicy", kind: "key-policy", change: granted, id: []string{"=kms", r("keyId"), "=policy"}},
		{make: "secretsmanager:PutResourcePolicy", kind: "secret-policy", change: granted, id: []string{"=secret", r("secretId"), "=policy"}, undo: []undo{{call: "secretsmanager:DeleteResourcePolicy"}}},
		{make: "sns:Subscribe", kind: "subscription", change: created, id: []string{"=subscription", "response.subscriptionArn|" + r("subscriptionArn")}, detail: "request.topicArn", undo: []undo{{"sns:Unsubscribe", []string{"=subscription", r("subscriptionArn")}}}},
		{make: "route53resolver:DeleteResolverQueryLogConfig", kind: "query-logs", change: deleted, id: []string{"=querylogs"}},
	}
}
