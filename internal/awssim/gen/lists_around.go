package main

// around are the services around a function: what triggers it, what it reaches, what
// watches it.
func around() []selection {
	return []selection{
		{name: "accessanalyzer", ops: words(`CreateAnalyzer GetAnalyzer GetFindingV2 ListAnalyzers ListFindingsV2`)},
		{name: "apigateway", ops: words(apigatewayOps)},
		{name: "apigatewayv2", ops: words(apigatewayv2Ops)},
		{name: "application-autoscaling", ops: []string{"*"}, not: words(`GetPredictiveScalingForecast`)},
		{name: "athena", ops: words(`GetQueryExecution GetQueryResults GetTableMetadata StartQueryExecution StopQueryExecution`)},
		{name: "cloudfront", ops: []string{"*"}},
		{name: "cloudwatch", ops: words(`DeleteAlarms DescribeAlarms DescribeAlarmsForMetric DisableAlarmActions EnableAlarmActions GetMetricData ListMetrics ListTagsForResource PutMetricAlarm PutMetricData SetAlarmState`)},
		{name: "config", ops: words(`DescribeConfigRules DescribeConfigurationRecorderStatus DescribeConfigurationRecorders GetComplianceDetailsByResource GetResourceConfigHistory ListDiscoveredResources PutConfigRule PutConfigurationRecorder StartConfigurationRecorder StopConfigurationRecorder`)},
		{name: "ec2", ops: words(`DescribeFlowLogs DescribeNetworkAcls DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcEndpoints RevokeSecurityGroupEgress`)},
		{name: "ecr", ops: words(ecrOps)},
		{name: "efs", ops: words(`CreateAccessPoint CreateFileSystem CreateMountTarget DescribeAccessPoints DescribeBackupPolicy DescribeFileSystemPolicy DescribeFileSystems DescribeMountTargetSecurityGroups DescribeMountTargets ListTagsForResource ModifyMountTargetSecurityGroups PutBackupPolicy PutFileSystemPolicy`)},
		{name: "elbv2", ops: []string{"*"}},
		{name: "guardduty", ops: words(`ArchiveFindings CreateDetector GetDetector GetFindings ListDetectors ListFindings UpdateDetector`)},
		{name: "inspector2", ops: []string{"*"}},
		{name: "pipes", ops: []string{"*"}},
		{name: "scheduler", ops: []string{"*"}},
		{name: "secretsmanager", ops: words(`CancelRotateSecret CreateSecret DeleteSecret DescribeSecret GetResourcePolicy GetSecretValue ListSecretVersionIds ListSecrets PutResourcePolicy PutSecretValue RestoreSecret RotateSecret TagResource UntagResource UpdateSecret`)},
		{name: "sns", ops: words(`AddPermission CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes ListSubscriptions ListSubscriptionsByTopic ListTagsForResource ListTopics Publish RemovePermission SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource`)},
		{name: "ssm", ops: words(`DeleteParameter DescribeParameters GetParameter GetParameters ListTagsForResource PutParameter`)},
		{name: "xray", ops: words(`BatchGetTraces GetEncryptionConfig GetTraceSummaries PutTraceSegments`)},
	}
}

const apigatewayOps = `
CreateAuthorizer CreateBasePathMapping CreateDeployment CreateDomainName CreateRequestValidator
CreateResource CreateRestApi CreateStage CreateUsagePlan DeleteIntegration DeleteMethod
DeleteRestApi DeleteStage GetAccount GetAuthorizer GetAuthorizers GetBasePathMappings GetDeployment
GetDeployments GetDomainNames GetGatewayResponses GetIntegration GetMethod GetModels
GetRequestValidators GetResource GetResources GetRestApi GetRestApis GetStage GetStages GetTags
GetUsagePlans PutIntegration PutIntegrationResponse PutMethod PutMethodResponse UpdateAuthorizer
UpdateIntegration UpdateMethod UpdateRestApi UpdateStage`

const apigatewayv2Ops = `
CreateApi CreateApiMapping CreateAuthorizer CreateDeployment CreateDomainName CreateIntegration
CreateRoute CreateStage DeleteApi DeleteIntegration DeleteRoute DeleteStage GetApi GetApiMappings
GetApis GetAuthorizer GetAuthorizers GetDeployments GetDomainNames GetIntegration GetIntegrations
GetRoute GetRoutes GetStage GetStages GetTags UpdateApi UpdateIntegration UpdateRoute UpdateStage`

const ecrOps = `
BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload CreateRepository
DescribeImageScanFindings DescribeImages DescribeRegistry DescribeRepositories GetAuthorizationToken
GetDownloadUrlForLayer GetLifecyclePolicy GetRegistryPolicy GetRegistryScanningConfiguration
GetRepositoryPolicy InitiateLayerUpload ListImages ListTagsForResource PutImage
PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy
StartImageScan TagResource UploadLayerPart`
