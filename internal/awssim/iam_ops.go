package awssim

// iamOps is every simulated operation of IAM.
func iamOps() []operation {
	return []operation{
		op("iam", "CreateUser", createUser), op("iam", "GetUser", getUser), op("iam", "ListUsers", listUsers), op("iam", "DeleteUser", deleteUser),
		op("iam", "CreateAccessKey", createAccessKey), op("iam", "ListAccessKeys", listAccessKeys), op("iam", "UpdateAccessKey", updateAccessKey), op("iam", "DeleteAccessKey", deleteAccessKey),
		op("iam", "CreateLoginProfile", createLoginProfile), op("iam", "GetLoginProfile", getLoginProfile), op("iam", "UpdateLoginProfile", updateLoginProfile), op("iam", "DeleteLoginProfile", deleteLoginProfile),
		op("iam", "PutUserPolicy", putUserPolicy), op("iam", "GetUserPolicy", getUserPolicy), op("iam", "ListUserPolicies", listUserPolicies), op("iam", "DeleteUserPolicy", deleteUserPolicy),
		op("iam", "AttachUserPolicy", attachUserPolicy), op("iam", "DetachUserPolicy", detachUserPolicy), op("iam", "ListAttachedUserPolicies", listAttachedUserPolicies),
		op("iam", "CreateRole", createRole), op("iam", "GetRole", getRole), op("iam", "ListRoles", listRoles), op("iam", "DeleteRole", deleteRole), op("iam", "UpdateAssumeRolePolicy", updateAssumeRolePolicy),
		op("iam", "PutRolePolicy", putRolePolicy), op("iam", "GetRolePolicy", getRolePolicy), op("iam", "ListRolePolicies", listRolePolicies), op("iam", "DeleteRolePolicy", deleteRolePolicy),
		op("iam", "AttachRolePolicy", attachRolePolicy), op("iam", "DetachRolePolicy", detachRolePolicy), op("iam", "ListAttachedRolePolicies", listAttachedRolePolicies),
		op("iam", "PutRolePermissionsBoundary", putRoleBoundary), op("iam", "DeleteRolePermissionsBoundary", deleteRoleBoundary),
		op("iam", "CreatePolicy", createPolicy), op("iam", "GetPolicy", getPolicyIAM), op("iam", "ListPolicies", listPolicies), op("iam", "DeletePolicy", deletePolicyIAM),
		op("iam", "CreatePolicyVersion", createPolicyVersion), op("iam", "GetPolicyVersion", getPolicyVersion), op("iam", "ListPolicyVersions", listPolicyVersions),
		op("iam", "DeletePolicyVersion", deletePolicyVersion), op("iam", "SetDefaultPolicyVersion", setDefaultPolicyVersion),
		op("iam", "SimulatePrincipalPolicy", simulatePrincipalPolicy), op("iam", "ListEntitiesForPolicy", listEntitiesForPolicy), op("iam", "GetAccessKeyLastUsed", getAccessKeyLastUsed),
		op("iam", "TagRole", tagRole), op("iam", "UntagRole", untagRole), op("iam", "ListRoleTags", listRoleTags), op("iam", "UpdateRole", updateRole), op("iam", "UpdateRoleDescription", updateRoleDescription),
		op("iam", "TagUser", tagUser), op("iam", "UntagUser", untagUser), op("iam", "ListUserTags", listUserTags),
		op("iam", "PutUserPermissionsBoundary", putUserBoundary), op("iam", "DeleteUserPermissionsBoundary", deleteUserBoundary),
		op("iam", "CreateServiceLinkedRole", createServiceLinkedRole),
		op("iam", "CreateOpenIDConnectProvider", createOpenIDProvider), op("iam", "GetOpenIDConnectProvider", getOpenIDProvider), op("iam", "DeleteOpenIDConnectProvider", deleteOpenIDProvider), op("iam", "ListOpenIDConnectProviders", listOpenIDProviders),
		op("iam", "CreateInstanceProfile", createInstanceProfile), op("iam", "GetInstanceProfile", getInstanceProfile), op("iam", "DeleteInstanceProfile", deleteInstanceProfile),
		op("iam", "AddRoleToInstanceProfile", addRoleToProfile), op("iam", "RemoveRoleFromInstanceProfile", removeRoleFromProfile),
		op("iam", "ListInstanceProfiles", listInstanceProfiles), op("iam", "ListInstanceProfilesForRole", listProfilesForRole),
		op("iam", "GenerateServiceLastAccessedDetails", generateLastAccessed), op("iam", "GetServiceLastAccessedDetails", getLastAccessed),
		op("iam", "ListGroupsForUser", listGroupsForUser), op("iam", "ListMFADevices", listMFADevices),
	}
}
