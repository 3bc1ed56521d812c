package trailsql

import (
	"slices"
	"strings"
)

// kind is how a column's text stands in a record.
type kind int

const (
	text       kind = iota // a string
	document               // any JSON, in a STRING column
	flag                   // true or false, in a STRING column
	attributes             // an object of strings, in a MAP column
	resources              // the array of resources
)

// field is a member of a record, by its path, that has a column of its own or a place in one.
type field struct {
	path string // "userIdentity.sessionContext.sessionIssuer.arn": the column's path in lower case
	kind kind
}

// fields are the members of AWS's documented table for CloudTrail, in its order (Athena User
// Guide, "Create a table for CloudTrail logs in Athena using partition projection"), and after
// each structure what AWS's table lacks and records have: inScopeOf, which names the function
// that credentials were issued to, source identities, console sessions. Only strings and
// booleans were added: Hive's JSON SerDe takes an object in a STRING column only where
// CloudTrail's input format makes text of it.
func fields() []field { return slices.Concat(identityFields(), eventFields()) }

func identityFields() []field {
	return []field{
		{"eventVersion", text},
		{"userIdentity.type", text},
		{"userIdentity.principalId", text},
		{"userIdentity.arn", text},
		{"userIdentity.accountId", text},
		{"userIdentity.invokedBy", text},
		{"userIdentity.accessKeyId", text},
		{"userIdentity.userName", text},
		{"userIdentity.onBehalfOf.userId", text},
		{"userIdentity.onBehalfOf.identityStoreArn", text},
		{"userIdentity.sessionContext.attributes.mfaAuthenticated", text},
		{"userIdentity.sessionContext.attributes.creationDate", text},
		{"userIdentity.sessionContext.attributes.sessionCredentialFromConsole", text},
		{"userIdentity.sessionContext.sessionIssuer.type", text},
		{"userIdentity.sessionContext.sessionIssuer.principalId", text},
		{"userIdentity.sessionContext.sessionIssuer.arn", text},
		{"userIdentity.sessionContext.sessionIssuer.accountId", text},
		{"userIdentity.sessionContext.sessionIssuer.userName", text},
		{"userIdentity.sessionContext.ec2RoleDelivery", text},
		{"userIdentity.sessionContext.webIdFederationData.federatedProvider", text},
		{"userIdentity.sessionContext.webIdFederationData.attributes", attributes},
		{"userIdentity.sessionContext.sourceIdentity", text},
		{"userIdentity.sessionContext.signInSessionArn", text},
		{"userIdentity.sessionContext.ec2IssuedInVpc", text},
		{"userIdentity.inScopeOf.issuerType", text},
		{"userIdentity.inScopeOf.credentialsIssuedTo", text},
		{"userIdentity.inScopeOf.credentialsIssuedToVersion", text},
		{"userIdentity.inScopeOf.sourceArn", text},
		{"userIdentity.inScopeOf.sourceAccount", text},
		{"userIdentity.identityProvider", text},
		{"userIdentity.credentialId", text},
	}
}

func eventFields() []field {
	return []field{
		{"eventTime", text},
		{"eventSource", text},
		{"eventName", text},
		{"awsRegion", text},
		{"sourceIPAddress", text},
		{"userAgent", text},
		{"errorCode", text},
		{"errorMessage", text},
		{"requestParameters", document},
		{"responseElements", document},
		{"additionalEventData", document},
		{"requestID", text},
		{"eventID", text},
		{"readOnly", flag},
		{"resources", resources},
		{"eventType", text},
		{"apiVersion", text},
		{"recipientAccountId", text},
		{"serviceEventDetails", document},
		{"sharedEventID", text},
		{"vpcEndpointId", text},
		{"vpcEndpointAccountId", text},
		{"eventCategory", text},
		{"addendum.reason", text},
		{"addendum.updatedFields", text},
		{"addendum.originalRequestID", text},
		{"addendum.originalEventID", text},
		{"sessionCredentialFromConsole", text},
		{"edgeDeviceDetails", document},
		{"tlsDetails.tlsVersion", text},
		{"tlsDetails.cipherSuite", text},
		{"tlsDetails.clientProvidedHostHeader", text},
		{"managementEvent", flag},
		{"annotation", text},
	}
}

// resourceMembers are those of a resource, in the order of AWS's table.
var resourceMembers = [...]string{"ARN", "accountId", "type"}

// column is where a field lies in a table, as SQL writes it.
func (f field) column() string { return strings.ToLower(f.path) }

// alias is the field's column in a result.
func (f field) alias() string { return strings.ReplaceAll(f.column(), ".", "_") }

// Columns are the table's columns with their Hive types, in order: of a SELECT over a table
// that was made by the text of DDL.
func Columns() []Column {
	var roots []string
	for _, f := range fields() {
		if name, _, _ := strings.Cut(f.column(), "."); !slices.Contains(roots, name) {
			roots = append(roots, name)
		}
	}
	var out []Column
	for _, name := range roots {
		out = append(out, Column{name, hiveType(name)})
	}
	return out
}

// hiveType is the type of a column, or of a structure in one, by its path.
func hiveType(path string) string {
	var members []string
	for _, f := range fields() {
		rest, inside := strings.CutPrefix(f.column(), path+".")
		switch {
		case f.column() == path:
			return f.kind.hive()
		case inside:
			name, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(members, name) {
				members = append(members, name)
			}
		}
	}
	for i, name := range members {
		members[i] = name + ":" + hiveType(path+"."+name)
	}
	return "struct<" + strings.Join(members, ",") + ">"
}

func (k kind) hive() string {
	switch k {
	case attributes:
		return "map<string,string>"
	case resources:
		return "array<struct<arn:string,accountid:string,type:string>>"
	}
	return "string"
}
