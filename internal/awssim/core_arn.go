package awssim

import "strings"

// parsedARN is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
type parsedARN struct{ partition, service, region, account, resource string }

// parseARN splits s; ok is false if it has not six parts or does not begin with arn.
func parseARN(s string) (a parsedARN, ok bool) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" {
		return parsedARN{}, false
	}
	return parsedARN{p[1], p[2], p[3], p[4], p[5]}, true
}

func (a parsedARN) String() string {
	return strings.Join([]string{"arn", a.partition, a.service, a.region, a.account, a.resource}, ":")
}

// arnOf makes an ARN in partition aws.
func arnOf(service, region, account, resource string) string {
	return parsedARN{"aws", service, region, account, resource}.String()
}

// arn makes the ARN of a resource of the caller's account in the call's region.
// IAM and STS names carry no region, S3 names neither region nor account.
func (c *call) arn(service, resource string) string {
	switch service {
	case "iam", "sts":
		return arnOf(service, "", c.accountID, resource)
	case "s3":
		return arnOf(service, "", "", resource)
	}
	return arnOf(service, c.region, c.accountID, resource)
}
