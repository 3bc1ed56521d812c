package practices

import "slices"

// Agreement is what a check's verdict is beside that of what others call the same.
type Agreement struct {
	Check string `json:"check"`
	Reference
	// Differs says in what; "" where the verdicts are the same, of a function that has no published
	// version: others do not look at versions and aliases.
	Differs string `json:"differs,omitempty"`
	// By is the check of Prowler that stands for a control of Security Hub where the two are held
	// against each other; "" where the control is known by AWS's description alone.
	By string `json:"by,omitempty"`
}

// Agreements has one for each reference to Prowler and to Security Hub. The conformance stage
// holds those that are the same against Prowler, function by function.
func Agreements() []Agreement {
	return append(prowlers(), securityHubs()...)
}

func prowlers() []Agreement {
	same := func(check string, ids ...string) (out []Agreement) {
		for _, id := range ids {
			out = append(out, Agreement{Check: check, Reference: Reference{Prowler, id}})
		}
		return out
	}
	differs := func(check, id, why string) []Agreement {
		return []Agreement{{Check: check, Reference: Reference{Prowler, id}, Differs: why}}
	}
	return slices.Concat(
		same("least-privilege/admin-role", "iam_inline_policy_no_administrative_privileges", "iam_customer_attached_policy_no_administrative_privileges", "iam_aws_attached_policy_no_administrative_privileges"),
		differs("least-privilege/escalation-path", "iam_policy_allows_privilege_escalation", "policies one by one, and pairs of permissions; here the role's policies together, and what one call does"),
		differs("least-privilege/escalation-path", "iam_inline_policy_allows_privilege_escalation", "policies one by one, and pairs of permissions; here the role's policies together, and what one call does"),
		same("least-privilege/policy-public", "awslambda_function_not_publicly_accessible"),
		same("secure-code/environment-key", "awslambda_function_env_vars_not_encrypted_with_cmk"),
		same("secure-code/foreign-layers", "awslambda_function_using_cross_account_layers"),
		differs("secure-code/image-tags", "ecr_repositories_tag_immutability", "every repository; here a function that names its image by digest passes"),
		same("vpc-isolation/in-vpc", "awslambda_function_inside_vpc"),
		same("vpc-isolation/multi-az", "awslambda_function_vpc_multi_az"),
		differs("vpc-isolation/default-group", "ec2_securitygroup_default_restrict_traffic", "the rules of default groups, whoever runs under them"),
		differs("vpc-isolation/flow-logs", "vpc_flow_logs_enabled", "any flow log of the VPC; here one that records what was let through, of the VPC or of all the function's subnets"),
		same("api-gateway/url-auth", "awslambda_function_url_public"),
		same("api-gateway/url-cors", "awslambda_function_url_cors_policy"),
		differs("api-gateway/rest-authorizer", "apigateway_restapi_authorizers_enabled", "passes an API that has an authorizer, whether its methods use it or not"),
		same("api-gateway/rest-waf", "apigateway_restapi_waf_acl_attached"),
		differs("api-gateway/rest-access-logs", "apigateway_restapi_logging_enabled", "execution logs; here access logs"),
		differs("api-gateway/http-authorizer", "apigatewayv2_api_authorizers_enabled", "passes an API that has an authorizer, whether its routes use it or not, and fails one whose routes ask for IAM"),
		same("api-gateway/http-access-logs", "apigatewayv2_api_access_logging_enabled"),
		differs("logging-monitoring/log-retention", "cloudwatch_log_group_retention_policy_specific_days_enabled", "a year, and a group that never expires passes; here ninety days, which have to be said"),
		same("logging-monitoring/log-key", "cloudwatch_log_group_kms_encryption_enabled"),
		same("logging-monitoring/trail-logging", "cloudtrail_multi_region_enabled"),
		differs("logging-monitoring/data-events", "awslambda_function_invoke_api_operations_cloudtrail_logging_enabled", "passes by any advanced selector of functions, whichever they are, and by trails that are stopped"),
		differs("logging-monitoring/alarm-actions", "cloudwatch_alarm_actions_enabled", "passes an alarm whose actions are on and that has none"),
		same("logging-monitoring/guardduty", "guardduty_is_enabled"),
		same("logging-monitoring/guardduty-lambda", "guardduty_lambda_protection_enabled"),
		differs("secrets-management/environment-names", "awslambda_function_no_secrets_in_variables", "looks at values; here at names, for values are sealed"),
		differs("secrets-management/code", "awslambda_function_no_secrets_in_code", "other patterns, guesses at passwords among them"),
		differs("secrets-management/layers", "awslambda_layer_no_secrets_in_content", "other patterns, guesses at passwords among them"),
		same("secrets-management/rotation", "secretsmanager_automatic_rotation_enabled"),
		differs("secrets-management/rotated", "secretsmanager_secret_rotated_periodically", "ninety days, and a new secret that never rotated fails; here the secret's own interval where it is shorter, and age counts from its making"),
		differs("secrets-management/secret-policy", "secretsmanager_not_publicly_accessible", "everybody; here another account too"),
		differs("secrets-management/key-policy", "kms_key_not_publicly_accessible", "everybody; here another account too"),
		same("secrets-management/key-rotation", "kms_cmk_rotation_enabled"),
		differs("secrets-management/key-state", "kms_cmk_not_deleted_unintentionally", "passes a disabled key"),
		differs("ephemerality/access-point", "efs_access_point_enforce_root_directory", "all access points of a file system, and one half of what is asked here"),
		differs("ephemerality/access-point", "efs_access_point_enforce_user_identity", "all access points of a file system, and one half of what is asked here"),
		differs("testing-update/runtime-supported", "awslambda_function_using_supported_runtimes", "an older list of runtimes; here AWS's dates, as of the day of the assessment"),
		differs("testing-update/async-failure", "awslambda_function_no_dead_letter_queue", "a dead-letter queue alone; here a destination on failure will do"),
		differs("testing-update/inspector-on", "inspector2_is_enabled", "scanning of code, images and machines too, where there are such"),
		differs("testing-update/known-vulnerabilities", "inspector2_active_findings_exist", "any finding of the region; here those of the function that are high or critical"),
		differs("testing-update/image-scanned", "ecr_repositories_scan_images_on_push_enabled", "the repository's setting; here whether the image was scanned"),
		differs("testing-update/image-findings", "ecr_repositories_scan_vulnerabilities_in_latest_image", "the repository's newest image, from medium on; here the function's image, from high on"),
		differs("compliance-governance/config-recording", "config_recorder_all_regions_enabled", "fails a recorder whose last delivery failed"),
		differs("compliance-governance/trail-multi-region", "cloudtrail_multi_region_enabled", "a trail of this region alone will do"),
		differs("compliance-governance/trail-validation", "cloudtrail_log_file_validation_enabled", "trails of the organisation's other accounts too, which this account cannot change"),
	)
}

func securityHubs() []Agreement {
	same := func(check, framework, id, by string) Agreement {
		return Agreement{Check: check, Reference: Reference{framework, id}, By: by}
	}
	differs := func(check, framework, id, why string) Agreement {
		return Agreement{Check: check, Reference: Reference{framework, id}, Differs: why}
	}
	return []Agreement{
		differs("least-privilege/admin-role", FSBP, "IAM.1", "customer managed policies alone, whoever has them"),
		differs("least-privilege/service-wildcard", FSBP, "IAM.21", "customer managed policies alone, whoever has them"),
		differs("least-privilege/policy-public", FSBP, "Lambda.1", "one verdict for this and for buckets that are not bound to an account"),
		differs("least-privilege/policy-any-source", FSBP, "Lambda.1", "of services it asks Amazon S3 alone, and everybody beside it"),
		differs("secure-code/image-tags", FSBP, "ECR.2", "every repository; here a function that names its image by digest passes"),
		same("vpc-isolation/in-vpc", FSBP, "Lambda.3", "awslambda_function_inside_vpc"),
		same("vpc-isolation/multi-az", FSBP, "Lambda.5", "awslambda_function_vpc_multi_az"),
		differs("vpc-isolation/default-group", FSBP, "EC2.2", "the rules of default groups, whoever runs under them"),
		differs("vpc-isolation/flow-logs", FSBP, "EC2.6", "asks for traffic that was refused; here for what was let through"),
		same("api-gateway/rest-waf", FSBP, "APIGateway.4", "apigateway_restapi_waf_acl_attached"),
		differs("api-gateway/rest-access-logs", FSBP, "APIGateway.1", "execution logs; here access logs"),
		same("api-gateway/http-authorizer", FSBP, "APIGateway.8", ""),
		same("api-gateway/http-access-logs", FSBP, "APIGateway.9", "apigatewayv2_api_access_logging_enabled"),
		differs("logging-monitoring/log-retention", SecurityHub, "CloudWatch.16", "a year; here ninety days"),
		same("logging-monitoring/tracing", SecurityHub, "Lambda.7", ""),
		differs("logging-monitoring/trail-logging", FSBP, "CloudTrail.3", "any trail of the account; here one that records the function's region"),
		differs("logging-monitoring/alarm-actions", SecurityHub, "CloudWatch.15", "one half of what is asked here"),
		differs("logging-monitoring/alarm-actions", SecurityHub, "CloudWatch.17", "one half of what is asked here"),
		same("logging-monitoring/guardduty", FSBP, "GuardDuty.1", "guardduty_is_enabled"),
		same("logging-monitoring/guardduty-lambda", FSBP, "GuardDuty.6", "guardduty_lambda_protection_enabled"),
		same("secrets-management/rotation", FSBP, "SecretsManager.1", "secretsmanager_automatic_rotation_enabled"),
		differs("secrets-management/rotated", FSBP, "SecretsManager.4", "ninety days; here the secret's own interval where it is shorter"),
		differs("secrets-management/key-policy", FSBP, "KMS.5", "everybody; here another account too"),
		same("secrets-management/key-rotation", SecurityHub, "KMS.4", "kms_cmk_rotation_enabled"),
		differs("secrets-management/key-state", FSBP, "KMS.3", "passes a disabled key"),
		differs("ephemerality/access-point", FSBP, "EFS.3", "one half of what is asked here"),
		differs("ephemerality/access-point", FSBP, "EFS.4", "one half of what is asked here"),
		same("testing-update/runtime-supported", FSBP, "Lambda.2", ""),
		same("testing-update/inspector-on", FSBP, "Inspector.4", ""),
		differs("testing-update/image-scanned", FSBP, "ECR.1", "the repository's setting; here whether the image was scanned"),
		same("compliance-governance/tags", SecurityHub, "Lambda.6", ""),
		differs("compliance-governance/config-recording", FSBP, "Config.1", "also which role the recorder has, and that it records all that other controls need"),
		differs("compliance-governance/trail-multi-region", FSBP, "CloudTrail.1", "also that it records management events that read and that write"),
		same("compliance-governance/trail-validation", FSBP, "CloudTrail.4", ""),
	}
}
