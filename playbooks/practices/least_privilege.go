package practices

// leastPrivilege: what the function's role may do, who else may be it, and who may call the function.
func leastPrivilege() []Check {
	area := []Reference{{CSF, "PR.AA-05"}}
	ref := func(more ...Reference) []Reference { return append(more, area...) }
	return []Check{
		{ID: "least-privilege/admin-role", Area: LeastPrivilege, Severity: Critical, Reads: readsRoles(), Look: adminRole,
			Title: "No policy of the execution role allows every action on every resource", Why: "Whoever runs code in the function owns the account.",
			References: ref(Reference{FSBP, "IAM.1"}, Reference{Prowler, "iam_inline_policy_no_administrative_privileges"}, Reference{Prowler, "iam_customer_attached_policy_no_administrative_privileges"}, Reference{Prowler, "iam_aws_attached_policy_no_administrative_privileges"}, Reference{ATTACK, "T1078.004"})},
		{ID: "least-privilege/service-wildcard", Area: LeastPrivilege, Severity: High, Reads: readsRoles(), Look: serviceWildcard,
			Title: "No policy of the execution role allows all actions of a service", Why: "Code in the function may also destroy and reconfigure what it only has to use.",
			References: ref(Reference{FSBP, "IAM.21"}, Reference{ATTACK, "T1078.004"})},
		{ID: "least-privilege/not-action", Area: LeastPrivilege, Severity: High, Reads: readsRoles(), Look: notAction,
			Title: "No policy of the execution role allows everything but a list", Why: "Allow with NotAction also opens services that AWS has yet to launch.", References: ref(Reference{ATTACK, "T1078.004"})},
		{ID: "least-privilege/pass-role-any", Area: LeastPrivilege, Severity: High, Reads: readsRoles(), Look: passRoleAny, Traces: []string{"CreateFunction", "UpdateFunctionConfiguration", "RunInstances", "CreateStack"},
			Title: "iam:PassRole is limited to named roles or to a service", Why: "Code in the function can hand a stronger role to something that it starts. PassRole itself leaves no record.",
			References: ref(Reference{ATTACK, "T1548.005"})},
		{ID: "least-privilege/assume-any-role", Area: LeastPrivilege, Severity: High, Reads: readsRoles(), Look: assumeAnyRole, Traces: []string{"AssumeRole"},
			Title: "sts:AssumeRole is limited to named roles", Why: "Every role that trusts this account as a whole is open to code in the function.", References: ref(Reference{ATTACK, "T1550.001"})},
		{ID: "least-privilege/escalation-path", Area: LeastPrivilege, Severity: Critical, Reads: readsRoles(), Look: escalation, Traces: []string{"CreatePolicyVersion", "SetDefaultPolicyVersion", "AttachRolePolicy", "PutRolePolicy", "UpdateAssumeRolePolicy", "CreateAccessKey", "UpdateFunctionCode"},
			Title: "The execution role cannot give itself more than it has", Why: "One call, and the role's other limits do not matter.",
			References: ref(Reference{Prowler, "iam_policy_allows_privilege_escalation"}, Reference{Prowler, "iam_inline_policy_allows_privilege_escalation"}, Reference{ATTACK, "T1098.003"})},
		{ID: "least-privilege/boundary", Area: LeastPrivilege, Severity: Low, Reads: readsDeployments("iam.role"), Look: boundary,
			Title: "The execution role has a permissions boundary", Why: "Nothing limits what a policy that is added later can allow.", References: ref()},
		{ID: "least-privilege/trust-only-lambda", Area: LeastPrivilege, Severity: Medium, Reads: readsDeployments("iam.role"), Look: trustOnlyLambda, Traces: []string{"AssumeRole"},
			Title: "Of this account, only Lambda may assume the execution role", Why: "Sessions of the role are no longer the function's alone, and denying them by the function's name misses some.", References: ref(Reference{ATTACK, "T1078.004"})},
		{ID: "least-privilege/trust-foreign", Area: LeastPrivilege, Severity: Critical, Reads: readsDeployments("iam.role"), Look: trustForeign, Traces: []string{"AssumeRole"},
			Title: "Nobody outside this account may assume the execution role", Why: "A way back in that survives new code and new keys.", References: ref(Reference{ATTACK, "T1098.003"}, Reference{ATTACK, "T1199"})},
		{ID: "least-privilege/shared-role", Area: LeastPrivilege, Severity: Medium, Reads: readsDeployments("iam.role"), Look: sharedRole,
			Title: "The execution role is this function's alone", Why: "Containing the role stops the others too, and what one of them needs all may do.", References: ref()},
		{ID: "least-privilege/unused-services", Area: LeastPrivilege, Severity: Low, Reads: readsDeployments("iam.role", "iam.last-accessed"), Look: unusedServices,
			Title: "The execution role used every service that its policies open", Why: "What is never used can be taken away before somebody else uses it.", References: ref()},
		{ID: "least-privilege/policy-public", Area: LeastPrivilege, Severity: Critical, Reads: readsPolicies(), Look: policyPublic, Traces: []string{"Invoke", "AddPermission", "PutResourcePolicy"},
			Title: "No policy of the function, an alias or a version admits everybody", Why: "Anybody with an AWS account can call it.",
			References: ref(Reference{FSBP, "Lambda.1"}, Reference{Prowler, "awslambda_function_not_publicly_accessible"}, Reference{ATTACK, "T1098"})},
		{ID: "least-privilege/policy-cross-account", Area: LeastPrivilege, Severity: High, Reads: readsPolicies(), Look: policyForeign, Traces: []string{"Invoke", "AddPermission", "PutResourcePolicy"},
			Title: "No policy of the function, an alias or a version admits another account", Why: "Who can call it, or change it, is decided elsewhere.", References: ref(Reference{ATTACK, "T1098"}, Reference{ATTACK, "T1199"})},
		{ID: "least-privilege/policy-any-source", Area: LeastPrivilege, Severity: Medium, Reads: readsPolicies(), Look: policyAnySource,
			Title: "Services that may call the function are bound to a source", Why: "Anybody's bucket, topic or rule can call it through that service.", References: ref(Reference{FSBP, "Lambda.1"}, Reference{ATTACK, "T1199"})},
		{ID: "least-privilege/policy-more-than-invoke", Area: LeastPrivilege, Severity: High, Reads: readsPolicies(), Look: policyMoreThanInvoke, Traces: []string{"UpdateFunctionCode", "UpdateFunctionConfiguration", "GetFunction"},
			Title: "The function's policies allow nothing but to call it", Why: "A resource policy can also let others read and replace the code.", References: ref(Reference{ATTACK, "T1098"})},
		{ID: "least-privilege/layer-policy", Area: LeastPrivilege, Severity: Medium, Reads: readsDeployments("lambda.layers.policy"), Look: layerPolicy,
			Title: "The account's own layers are not shared with everybody", Why: "Code, and what was left in it, can be read by anybody.", References: ref(Reference{ATTACK, "T1526"})},
	}
}
