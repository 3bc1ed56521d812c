package timeline

import "strings"

// OCSF classes that events are written as.
const (
	ocsfAccountChange  = 3001
	ocsfAuthentication = 3002
	ocsfAPIActivity    = 6003
)

// ocsfClass is a class with the activity of one event.
type ocsfClass struct {
	uid, category      int64
	name, categoryName string
	activity           int64
	activityName       string
}

func (c ocsfClass) put(m *members) {
	m.integer("class_uid", c.uid)
	m.text("class_name", c.name)
	m.integer("category_uid", c.category)
	m.text("category_name", c.categoryName)
	m.integer("activity_id", c.activity)
	m.text("activity_name", c.activityName)
	m.integer("type_uid", c.uid*100+c.activity)
	m.text("type_name", c.name+": "+c.activityName)
}

func ocsfClassOf(e *Event) ocsfClass {
	const iamCategory = "Identity & Access Management"
	if e.Kind == KindCloudTrail {
		if e.Service == "signin" && e.Action == "ConsoleLogin" {
			return ocsfClass{ocsfAuthentication, 3, "Authentication", iamCategory, 1, "Logon"}
		}
		if a, ok := ocsfAccountActivity[e.Action]; ok && e.Service == "iam" {
			return ocsfClass{ocsfAccountChange, 3, "Account Change", iamCategory, a.id, orElse(a.name, e.Action)}
		}
	}
	id, name := ocsfAPIActivityOf(e)
	return ocsfClass{ocsfAPIActivity, 6, "API Activity", "Application Activity", id, name}
}

// ocsfAPIActivityOf goes by the verb; CloudTrail's readOnly decides where it is set.
func ocsfAPIActivityOf(e *Event) (int64, string) {
	other := orElse(e.Action, "Other") // of Other, OCSF wants the source's own name
	if e.Kind != KindCloudTrail {
		return 99, other
	}
	if e.ReadOnly {
		return 2, "Read"
	}
	for _, v := range [...]struct {
		id    int64
		name  string
		verbs string
	}{
		{2, "Read", "Get List Describe Head Lookup Search Query Scan BatchGet Select Filter Decrypt"},
		{1, "Create", "Create Run Allocate Register Publish Import Generate Issue Request Copy"},
		{3, "Update", "Update Put Modify Set Add Attach Associate Enable Disable Change Tag Untag Authorize Revoke Replace Reset Upload BatchWrite"},
		{4, "Delete", "Delete Remove Terminate Detach Disassociate Deregister Release Cancel Purge"},
	} {
		for verb := range strings.FieldsSeq(v.verbs) {
			if rest, ok := strings.CutPrefix(e.Action, verb); ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
				return v.id, v.name
			}
		}
	}
	return 99, other
}

type ocsfActivity struct {
	id   int64
	name string // "" is the call's own, for Other
}

// ocsfAccountActivity are IAM's calls that change a user, group, role or one of their
// credentials and policies, with what OCSF calls that. Other calls of IAM (a new managed
// policy, a provider) change no account, and stay API Activity.
var ocsfAccountActivity = map[string]ocsfActivity{
	"CreateUser": {1, "Create"}, "CreateRole": {1, "Create"}, "CreateGroup": {1, "Create"}, "CreateServiceLinkedRole": {1, "Create"},
	"DeleteUser": {6, "Delete"}, "DeleteRole": {6, "Delete"}, "DeleteGroup": {6, "Delete"}, "DeleteServiceLinkedRole": {6, "Delete"},
	"ChangePassword": {3, "Password Change"}, "UpdateLoginProfile": {4, "Password Reset"},
	"CreateLoginProfile": {2, "Enable"}, "DeleteLoginProfile": {5, "Disable"}, // of a console login, for a user that is there already
	"AttachUserPolicy": {7, "Attach Policy"}, "AttachRolePolicy": {7, "Attach Policy"}, "AttachGroupPolicy": {7, "Attach Policy"},
	"PutUserPolicy": {7, "Attach Policy"}, "PutRolePolicy": {7, "Attach Policy"}, "PutGroupPolicy": {7, "Attach Policy"},
	"PutUserPermissionsBoundary": {7, "Attach Policy"}, "PutRolePermissionsBoundary": {7, "Attach Policy"},
	"DetachUserPolicy": {8, "Detach Policy"}, "DetachRolePolicy": {8, "Detach Policy"}, "DetachGroupPolicy": {8, "Detach Policy"},
	"DeleteUserPolicy": {8, "Detach Policy"}, "DeleteRolePolicy": {8, "Detach Policy"}, "DeleteGroupPolicy": {8, "Detach Policy"},
	"DeleteUserPermissionsBoundary": {8, "Detach Policy"}, "DeleteRolePermissionsBoundary": {8, "Detach Policy"},
	"EnableMFADevice": {10, "MFA Factor Enable"}, "DeactivateMFADevice": {11, "MFA Factor Disable"},
	"CreateAccessKey": {99, ""}, "DeleteAccessKey": {99, ""}, "UpdateAccessKey": {99, ""},
	"CreateServiceSpecificCredential": {99, ""}, "ResetServiceSpecificCredential": {99, ""}, "UpdateServiceSpecificCredential": {99, ""}, "DeleteServiceSpecificCredential": {99, ""},
	"UploadSSHPublicKey": {99, ""}, "UpdateSSHPublicKey": {99, ""}, "DeleteSSHPublicKey": {99, ""},
	"UploadSigningCertificate": {99, ""}, "UpdateSigningCertificate": {99, ""}, "DeleteSigningCertificate": {99, ""}, "ResyncMFADevice": {99, ""},
	"UpdateUser": {99, ""}, "UpdateRole": {99, ""}, "UpdateRoleDescription": {99, ""}, "UpdateGroup": {99, ""}, "UpdateAssumeRolePolicy": {99, ""},
	"AddUserToGroup": {99, ""}, "RemoveUserFromGroup": {99, ""}, "AddRoleToInstanceProfile": {99, ""}, "RemoveRoleFromInstanceProfile": {99, ""},
	"TagUser": {99, ""}, "UntagUser": {99, ""}, "TagRole": {99, ""}, "UntagRole": {99, ""},
}

// ocsfTarget is the user or role that was changed. Where the record does not tell which of
// several names it is, only the account is claimed: the names stand under unmapped.
func ocsfTarget(m *members, e *Event) {
	var names []string
	for _, r := range e.Resources {
		if strings.HasPrefix(r, "arn:") && !strings.Contains(r, ":user/") && !strings.Contains(r, ":role/") || r == "" {
			continue
		}
		names = append(names, r)
	}
	group := strings.Contains(e.Action, "Group")
	switch {
	case group:
	case e.Change.Role != "" && strings.Contains(e.Action, "Role"):
		m.text("name", e.Change.Role[strings.LastIndexByte(e.Change.Role, '/')+1:])
		if strings.HasPrefix(e.Change.Role, "arn:") {
			m.text("uid_alt", e.Change.Role)
		}
		m.integer("type_id", 99)
		m.text("type", "Role")
	case len(names) == 1:
		m.text("name", names[0][strings.LastIndexByte(names[0], '/')+1:])
		if strings.HasPrefix(names[0], "arn:") {
			m.text("uid_alt", names[0])
		}
	case len(names) == 0 && !strings.Contains(e.Action, "Role") && e.Outcome == Success:
		ocsfUser(m, e) // a call that names no user is about the caller
		return
	}
	ocsfAccount(m, orElse(e.Account, orElse(e.Principal.Account, "unknown")))
}

func ocsfPolicies(m *members, e *Event) {
	if e.Change.Policy == "" {
		return
	}
	m.each("policies", 1, func(int) {
		if strings.HasPrefix(e.Change.Policy, "arn:") {
			m.text("uid", e.Change.Policy)
		} else {
			m.text("name", e.Change.Policy)
		}
	})
}
