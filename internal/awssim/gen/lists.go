package main

import "strings"

// selection is what is taken of one service's model.
type selection struct {
	name string
	ops  []string // "*" is all but without
	not  []string
}

// services are the simulated ones. Event-stream operations are left out
// everywhere: no caller of the simulated account needs one.
func services() []selection {
	return append(around(), []selection{
		{name: "lambda", ops: []string{"*"}, not: words(`InvokeWithResponseStream`)},
		{name: "iam", ops: words(iamOps)},
		{name: "sts", ops: []string{"*"}},
		{name: "s3", ops: words(s3Ops)},
		{name: "cloudtrail", ops: words(cloudtrailOps)},
		{name: "logs", ops: words(logsOps)},
		{name: "events", ops: words(eventsOps)},
		{name: "kms", ops: words(kmsOps)},
		{name: "sqs", ops: []string{"*"}},
	}...)
}

func words(s string) []string { return strings.Fields(s) }

const iamOps = `
AddRoleToInstanceProfile AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy
CreateAccessKey CreateAccountAlias CreateGroup CreateInstanceProfile CreateLoginProfile
CreateOpenIDConnectProvider CreatePolicy CreatePolicyVersion CreateRole CreateSAMLProvider
CreateServiceLinkedRole CreateUser CreateVirtualMFADevice DeactivateMFADevice DeleteAccessKey
DeleteAccountAlias DeleteGroup DeleteGroupPolicy DeleteInstanceProfile DeleteLoginProfile
DeleteOpenIDConnectProvider DeletePolicy DeletePolicyVersion DeleteRole
DeleteRolePermissionsBoundary DeleteRolePolicy DeleteSAMLProvider DeleteUser
DeleteUserPermissionsBoundary DeleteUserPolicy DeleteVirtualMFADevice DetachGroupPolicy
DetachRolePolicy DetachUserPolicy EnableMFADevice GenerateCredentialReport
GenerateServiceLastAccessedDetails GetAccessKeyLastUsed GetAccountAuthorizationDetails
GetAccountPasswordPolicy GetAccountSummary GetContextKeysForCustomPolicy
GetContextKeysForPrincipalPolicy GetCredentialReport GetGroup GetGroupPolicy GetInstanceProfile
GetLoginProfile GetMFADevice GetOpenIDConnectProvider GetPolicy GetPolicyVersion GetRole
GetRolePolicy GetSAMLProvider GetServiceLastAccessedDetails GetServiceLinkedRoleDeletionStatus
GetUser GetUserPolicy ListAccessKeys ListAccountAliases ListAttachedGroupPolicies
ListAttachedRolePolicies ListAttachedUserPolicies ListEntitiesForPolicy ListGroupPolicies
ListGroups ListGroupsForUser ListInstanceProfiles ListInstanceProfilesForRole ListMFADevices
ListOpenIDConnectProviderTags ListOpenIDConnectProviders ListPolicies
ListPoliciesGrantingServiceAccess ListPolicyTags ListPolicyVersions ListRolePolicies ListRoleTags
ListRoles ListSAMLProviders ListUserPolicies ListUserTags ListUsers ListVirtualMFADevices
PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy PutUserPermissionsBoundary PutUserPolicy
RemoveClientIDFromOpenIDConnectProvider RemoveRoleFromInstanceProfile RemoveUserFromGroup
SetDefaultPolicyVersion SimulateCustomPolicy SimulatePrincipalPolicy TagPolicy TagRole TagUser
UntagPolicy UntagRole UntagUser UpdateAccessKey UpdateAccountPasswordPolicy
UpdateAssumeRolePolicy UpdateLoginProfile UpdateOpenIDConnectProviderThumbprint UpdateRole
UpdateRoleDescription UpdateSAMLProvider UpdateUser`

const s3Ops = `
AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload
DeleteBucket DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle
DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketReplication DeleteBucketTagging
DeleteObject DeleteObjectTagging DeleteObjects DeletePublicAccessBlock GetBucketAcl GetBucketCors
GetBucketEncryption GetBucketLifecycleConfiguration GetBucketLocation GetBucketLogging
GetBucketNotificationConfiguration GetBucketOwnershipControls GetBucketPolicy
GetBucketPolicyStatus GetBucketReplication GetBucketTagging GetBucketVersioning GetBucketWebsite
GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectLockConfiguration
GetObjectRetention GetObjectTagging GetPublicAccessBlock HeadBucket HeadObject ListBuckets
ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 ListParts PutBucketAcl
PutBucketCors PutBucketEncryption PutBucketLifecycleConfiguration PutBucketLogging
PutBucketNotificationConfiguration PutBucketOwnershipControls PutBucketPolicy
PutBucketReplication PutBucketTagging PutBucketVersioning PutObject PutObjectAcl
PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
PutPublicAccessBlock UploadPart UploadPartCopy`

const cloudtrailOps = `
AddTags CancelQuery CreateEventDataStore CreateTrail DeleteTrail DescribeQuery DescribeTrails GetEventDataStore GetEventSelectors
GetInsightSelectors GetQueryResults GetResourcePolicy GetTrail GetTrailStatus ListEventDataStores
ListPublicKeys ListQueries ListTags ListTrails LookupEvents PutEventSelectors PutInsightSelectors
RemoveTags StartLogging StartQuery StopLogging UpdateTrail`

const logsOps = `
AssociateKmsKey CreateExportTask CreateLogGroup CreateLogStream DeleteDestination DeleteLogGroup
DeleteLogStream DeleteMetricFilter DeleteResourcePolicy DeleteRetentionPolicy
DeleteSubscriptionFilter DescribeAccountPolicies DescribeDestinations DescribeExportTasks
DescribeLogGroups DescribeLogStreams DescribeMetricFilters DescribeQueries
DescribeResourcePolicies DescribeSubscriptionFilters DisassociateKmsKey FilterLogEvents
GetDataProtectionPolicy GetLogEvents GetLogGroupFields GetLogRecord GetQueryResults ListLogGroups
ListTagsForResource ListTagsLogGroup PutDestination PutDestinationPolicy PutLogEvents
PutLogGroupDeletionProtection PutMetricFilter PutResourcePolicy PutRetentionPolicy
PutSubscriptionFilter StartQuery StopQuery TagLogGroup TagResource UntagLogGroup UntagResource`

const eventsOps = `
CreateArchive CreateEventBus DeleteArchive DeleteEventBus DeleteRule DescribeArchive
DescribeEventBus DescribeRule DisableRule EnableRule ListArchives ListEventBuses
ListRuleNamesByTarget ListRules ListTagsForResource ListTargetsByRule PutEvents PutPermission
PutRule PutTargets RemovePermission RemoveTargets TagResource TestEventPattern UntagResource`

const kmsOps = `
CancelKeyDeletion CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey DisableKey
DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom GetKeyPolicy GetKeyRotationStatus
GetPublicKey ListAliases ListGrants ListKeyPolicies ListKeyRotations ListKeys ListResourceTags
ListRetirableGrants PutKeyPolicy ReEncrypt RetireGrant RevokeGrant ScheduleKeyDeletion Sign
TagResource UntagResource UpdateAlias UpdateKeyDescription Verify VerifyMac`
