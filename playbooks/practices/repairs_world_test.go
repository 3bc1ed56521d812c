package practices

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/inspector2/types"
)

// unzipped is zipped's package itself.
func unzipped(seed string) string {
	data, err := base64.StdEncoding.DecodeString(zipped(seed))
	if err != nil {
		panic(err) // zipped encodes
	}
	return string(data)
}

// beyond is the account with the few calls that its simulator does not have, because their shapes
// are not among those that it is made of. The AWS CLI judges what is sent and what comes back.
func (w *world) beyond(calls *int) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		*calls++
		body, err := io.ReadAll(in.Body)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body)) // of EC2; what is not a form has no Action
		if act := w.networkAct(form); act != "" {
			out.Header().Set("Content-Type", "text/xml")
			fmt.Fprintf(out, `<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><return>true</return></%sResponse>`, act, act)
			return
		}
		switch {
		case strings.HasSuffix(in.Header.Get("X-Amz-Target"), ".AssociateWebACL"):
			var ask struct{ WebACLArn, ResourceArn string }
			part := []string{}
			if json.Unmarshal(body, &ask) == nil {
				part = strings.Split(ask.ResourceArn, "/") // arn:aws:apigateway:REGION::/restapis/ID/stages/NAME
			}
			if len(part) != 5 || part[0] != "arn:aws:apigateway:"+region+"::" || ask.WebACLArn == "" {
				http.Error(out, `{"__type":"WAFInvalidParameterException"}`, http.StatusBadRequest)
				return
			}
			w.cloud.StageGatewayWebACL(account, region, part[2], part[4], ask.WebACLArn)
			fmt.Fprint(out, "{}")
		case in.URL.Path == "/enable" && strings.Contains(string(body), `"LAMBDA"`):
			w.cloud.StageInspector(account, region, true)
			fmt.Fprint(out, `{"accounts":[],"failedAccounts":[]}`)
		default:
			w.cloud.ServeHTTP(out, in)
		}
	})
}

// networkAct does what a call of EC2 says, and names it; "" is none of these.
func (w *world) networkAct(form url.Values) string {
	n, act := w.net, form.Get("Action")
	switch act {
	case "RevokeSecurityGroupIngress":
		if form.Get("GroupId") == groupID && form.Get("IpPermissions.1.FromPort") == "22" && form.Get("IpPermissions.1.IpRanges.1.CidrIp") == "10.1.0.0/16" {
			n.Groups[0].IpPermissions = nil
		}
	case "ReplaceNetworkAclEntry":
		if form.Get("NetworkAclId") == "acl-1" && form.Get("RuleNumber") == "100" && form.Get("Egress") == "true" {
			n.ACLs[0].Entries[0].Protocol = aws.String(form.Get("Protocol"))
		}
	case "CreateVpcEndpoint":
		n.Endpoints = append(n.Endpoints, et.VpcEndpoint{VpcEndpointId: aws.String("vpce-new"), VpcId: aws.String(form.Get("VpcId")), ServiceName: aws.String(form.Get("ServiceName")), State: et.StateAvailable, PolicyDocument: aws.String(form.Get("PolicyDocument"))})
	case "ModifyVpcEndpoint":
		for i := range n.Endpoints {
			if *n.Endpoints[i].VpcEndpointId == form.Get("VpcEndpointId") {
				n.Endpoints[i].PolicyDocument = aws.String(form.Get("PolicyDocument"))
			}
		}
	case "CreateFlowLogs":
		n.FlowLogs = append(n.FlowLogs, et.FlowLog{FlowLogId: aws.String("fl-2"), ResourceId: aws.String(form.Get("ResourceId.1")), TrafficType: et.TrafficType(form.Get("TrafficType")), LogDestinationType: et.LogDestinationType(form.Get("LogDestinationType"))})
	default:
		return ""
	}
	w.stage(n)
	return act
}

// moreSubnets are two subnets in two zones, whose table leads out by NAT, under the ACL of the others.
func moreSubnets(w *world) {
	n := w.net
	for id, zone := range map[string]string{subnetC: "a", subnetD: "b"} {
		n.Subnets = append(n.Subnets, et.Subnet{SubnetId: aws.String(id), VpcId: aws.String(vpcID), CidrBlock: aws.String("10.1.1.0/24"), AvailabilityZone: aws.String(region + zone)})
		n.ACLs[0].Associations = append(n.ACLs[0].Associations, et.NetworkAclAssociation{SubnetId: aws.String(id)})
	}
	n.Tables = append(n.Tables, et.RouteTable{RouteTableId: aws.String("rtb-2"), VpcId: aws.String(vpcID), Associations: []et.RouteTableAssociation{{SubnetId: aws.String(subnetC)}, {SubnetId: aws.String(subnetD)}},
		Routes: []et.Route{{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-1"), State: et.RouteStateActive}}})
	w.stage(n)
}

// anotherGroup is like the function's, and not a default one.
func anotherGroup(w *world) {
	n := w.net
	g := n.Groups[0]
	g.GroupId, g.GroupName = aws.String(otherGroup), aws.String("own")
	n.Groups = append(n.Groups, g)
	w.stage(n)
}

const (
	subnetC    = "subnet-0cccccccccccccccc"
	subnetD    = "subnet-0dddddddddddddddd"
	otherGroup = "sg-0bbbbbbbbbbbbbbbb"
)

// repairsOf says what repairs take beyond their texts.
func repairsOf() map[string]repaired {
	set := func(name, value string) func(*world) map[string]string {
		return func(*world) map[string]string { return map[string]string{name: value} }
	}
	// What tests deploy nobody signed: the configuration lets it through for the moment.
	warn, enforce := func(w *world) { w.signing("Warn") }, func(w *world) { w.signing("Enforce") }
	unsigned := repaired{ready: warn, after: enforce}
	return map[string]repaired{
		"secure-code/code-key": unsigned, "secure-code/foreign-layers": unsigned, "secrets-management/code": unsigned, "secrets-management/layers": unsigned,
		"secure-code/deleted-layers": {ready: warn, after: enforce, values: func(w *world) map[string]string {
			layer := w.do("Lambda:PublishLayerVersion", obj{"LayerName": "tracing", "Content": obj{"ZipFile": zipped("layer")}})
			return map[string]string{"LAYER_ARN": text(layer, "LayerVersionArn")}
		}},
		"vpc-isolation/multi-az":      {ready: moreSubnets, values: set("SUBNET_ID", subnetD)},
		"vpc-isolation/public-subnet": {ready: moreSubnets, values: set("SUBNET_IDS", subnetC+","+subnetD)},
		"vpc-isolation/default-group": {ready: anotherGroup, values: set("GROUP_IDS", otherGroup)},
		"testing-update/known-vulnerabilities": {
			ready: func(w *world) {
				warn(w)
				w.ids["scanned code"] = w.codeSum()
			},
			after: func(w *world) {
				enforce(w)
				if w.codeSum() != w.ids["scanned code"] { // Inspector scans what is deployed, and closes what it finds no longer
					w.vulnerable(types.FindingStatusClosed)
				}
			}},
		"testing-update/image-findings": {ready: func(w *world) { w.scan("second") }},
	}
}

func (w *world) codeSum() string {
	return text(w.do("Lambda:GetFunctionConfiguration", obj{"FunctionName": till}), "CodeSha256")
}
