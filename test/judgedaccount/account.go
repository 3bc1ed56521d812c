// Package judgedaccount makes a simulated account of functions that each pass or fail one thing, for
// another assessor to judge beside ours. What belongs to a function is named after it.
package judgedaccount

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// The account.
const (
	ID       = "123456789012"
	Region   = "eu-central-1"
	stranger = "999999999999"
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// States are of what watches the region: all of it, some of it off, nothing at all.
func States() []string { return []string{"watched", "slack", "bare"} }

type obj = map[string]any

// maker makes calls as the administrator until one is refused.
type maker struct {
	cloud *awssim.Cloud
	by    awssim.Credentials
	keys  map[string]string // KMS keys, by name
	err   error
}

// New makes it. The second is an administrator's key.
func New(state string) (*awssim.Cloud, error) {
	m := &maker{cloud: awssim.New(awssim.Config{AccountID: ID, Region: Region, Seed: 1}), keys: map[string]string{}}
	m.by = m.cloud.Bootstrap(ID, "olivia", allowAll)
	m.watch(state)
	if state == "watched" {
		m.surroundings()
		m.functions()
		m.doors()
	} else {
		m.function("plain", nil, nil)
	}
	return m.cloud, m.err
}

func (m *maker) do(call string, in obj) obj { return m.as(m.by, call, in) }

func (m *maker) as(by awssim.Credentials, call string, in obj) obj {
	if m.err != nil {
		return nil
	}
	data, err := json.Marshal(in)
	if err != nil {
		m.err = err
		return nil
	}
	answer, err := m.cloud.Act(awssim.Act{By: by, Address: "10.0.0.1", Call: call, With: data})
	if err != nil {
		m.err = fmt.Errorf("%s: %w", call, err)
		return nil
	}
	out := obj{}
	if len(answer) > 0 {
		m.err = json.Unmarshal(answer, &out)
	}
	return out
}

func text(o obj, path string) string {
	var v any = o
	for p := range strings.SplitSeq(path, ".") {
		in, _ := v.(obj)
		v = in[p]
	}
	s, _ := v.(string)
	return s
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + Region + ":" + ID + ":" + resource
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// watch sets up what looks at the region.
func (m *maker) watch(state string) {
	if state == "bare" {
		return
	}
	on := state == "watched"
	m.do("S3:CreateBucket", obj{"Bucket": "audit-files", "CreateBucketConfiguration": obj{"LocationConstraint": Region}})
	m.do("S3:PutBucketPolicy", obj{"Bucket": "audit-files", "Policy": policy(`{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::audit-files","arn:aws:s3:::audit-files/*"]}`)})
	m.do("CloudTrail:CreateTrail", obj{"Name": "audit", "S3BucketName": "audit-files", "IsMultiRegionTrail": true, "EnableLogFileValidation": on})
	lambda := "DISABLED"
	if on {
		m.do("CloudTrail:StartLogging", obj{"Name": "audit"})
		lambda = "ENABLED"
	}
	m.do("GuardDuty:CreateDetector", obj{"Enable": true, "Features": []obj{{"Name": "LAMBDA_NETWORK_LOGS", "Status": lambda}}})
}

// surroundings are networks, keys and layers.
func (m *maker) surroundings() {
	m.cloud.StageNetwork(ID, Region, network())
	for _, name := range []string{"turning", "still"} {
		m.keys[name] = text(m.do("KMS:CreateKey", obj{"Description": name}), "KeyMetadata.Arn")
	}
	m.do("KMS:EnableKeyRotation", obj{"KeyId": m.keys["turning"]})
	m.do("Lambda:PublishLayerVersion", obj{"LayerName": "own", "Content": obj{"ZipFile": zipped("own")}})
	other := m.cloud.Bootstrap(stranger, "vera", allowAll)
	m.as(other, "Lambda:PublishLayerVersion", obj{"LayerName": "theirs", "Content": obj{"ZipFile": zipped("theirs")}})
	m.as(other, "Lambda:AddLayerVersionPermission", obj{"LayerName": "theirs", "VersionNumber": 1, "StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"})
	m.do("IAM:CreatePolicy", obj{"PolicyName": "admin-custom", "PolicyDocument": allowAll})
	m.do("IAM:CreatePolicy", obj{"PolicyName": "modest-custom", "PolicyDocument": policy(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}`)})
}

func network() awssim.Network {
	n := awssim.Network{Groups: []ec2types.SecurityGroup{{GroupId: aws.String("sg-0aaaaaaaaaaaaaaaa"), GroupName: aws.String("functions"), VpcId: aws.String("vpc-0a1b2c3d4e5f60718"), Description: aws.String("of the functions"),
		IpPermissions: []ec2types.IpPermission{}, IpPermissionsEgress: []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/16")}}}}}}}
	for i, zone := range []string{"a", "b", "a"} {
		n.Subnets = append(n.Subnets, ec2types.Subnet{SubnetId: aws.String(fmt.Sprintf("subnet-%017d", i+1)), VpcId: aws.String("vpc-0a1b2c3d4e5f60718"), AvailabilityZone: aws.String(Region + zone), CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", i)),
			DefaultForAz: aws.Bool(false), MapPublicIpOnLaunch: aws.Bool(false), AvailableIpAddressCount: aws.Int32(200)})
	}
	return n
}

func zipped(seed string) string { return base64.StdEncoding.EncodeToString(bench.Pack(seed, 1<<10)) }

// function makes one with a role of its own.
func (m *maker) function(name string, in obj, role func(name string)) {
	m.do("IAM:CreateRole", obj{"RoleName": name, "AssumeRolePolicyDocument": policy(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)})
	if role == nil {
		role = func(name string) {
			m.inline(name, policy(fmt.Sprintf(`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":%q}`, arn("logs", "log-group:/aws/lambda/"+name+":*"))))
		}
	}
	role(name)
	all := obj{"FunctionName": name, "Role": "arn:aws:iam::" + ID + ":role/" + name, "Runtime": "python3.14", "Handler": "index.handler", "Code": obj{"ZipFile": zipped(name)}}
	for k, v := range in {
		all[k] = v
	}
	m.do("Lambda:CreateFunction", all)
}

func (m *maker) inline(role, doc string) {
	m.do("IAM:PutRolePolicy", obj{"RoleName": role, "PolicyName": "own", "PolicyDocument": doc})
}

func (m *maker) attach(role, policy string) {
	m.do("IAM:AttachRolePolicy", obj{"RoleName": role, "PolicyArn": policy})
}
