package practices

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

func inVPC(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if v := d.Config.VpcConfig; v != nil && len(v.SubnetIds) > 0 {
			return []Finding{pass(d.ARN, d.Origin, "it is in %s", v.VpcId)}
		}
		return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "it is in no VPC"), d.Qualifier,
			f.intoVPC(`"SubnetIds=$SUBNET_IDS,SecurityGroupIds=$GROUP_IDS"`).ask("SUBNET_IDS", "subnets of one VPC in two zones or more, none with a route to an internet gateway, with a comma between").ask("GROUP_IDS", ownGroups),
			f.function("  vpc_config {\n    subnet_ids         = [\"SUBNET-A\", \"SUBNET-B\"]\n    security_group_ids = [\"GROUP\"]\n  }\n"))}
	})
}

func multiAZ(f *Facts) []Finding {
	all := within(doc[struct{ Subnets []subnet }](f, "ec2.subnets", "", ""), func(v struct{ Subnets []subnet }) []subnet { return v.Subnets })
	return f.eachInVPC(func(d Deployment) []Finding {
		own, gap := among(f, "ec2.subnets", all, func(s subnet) string { return s.SubnetId }, d.Config.VpcConfig.SubnetIds)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		var zones []string
		for _, s := range own {
			if !slices.Contains(zones, s.AvailabilityZone) {
				zones = append(zones, s.AvailabilityZone)
			}
		}
		if len(zones) < 2 {
			return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "all its subnets are in %s", join(zones)).also(all.Origin), d.Qualifier,
				f.intoVPC(shell("SubnetIds=%s", strings.Join(d.Config.VpcConfig.SubnetIds, ","))+`",$SUBNET_ID",`+shell("SecurityGroupIds=%s", strings.Join(d.Config.VpcConfig.SecurityGroupIds, ","))).
					ask("SUBNET_ID", shell("a subnet of %s in a zone other than %s, with the same routes", d.Config.VpcConfig.VpcId, join(zones))),
				f.function("  vpc_config {\n    subnet_ids = ["+quotedList(d.Config.VpcConfig.SubnetIds)+", \"SUBNET-OF-ANOTHER-ZONE\"]\n    security_group_ids = ["+quotedList(d.Config.VpcConfig.SecurityGroupIds)+"]\n  }\n"))}
		}
		return []Finding{pass(d.ARN, d.Origin, "its subnets are in %s", join(zones)).also(all.Origin)}
	})
}

// eachGroup judges the security groups of versions in a VPC.
func (f *Facts) eachGroup(bad func(d Deployment, g securityGroup) (what string, cli script, terraform string), good string) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		groups, at, gap := f.groups(d)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		var out []Finding
		for _, g := range groups {
			if what, cli, terraform := bad(d, g); what != "" {
				out = append(out, fail(d.ARN, at, "group %s "+what, g.GroupId).also(d.Origin).fix(cli.String(), terraform))
			}
		}
		if len(out) == 0 {
			out = append(out, pass(d.ARN, at, good).also(d.Origin))
		}
		return out
	})
}

func egressAny(f *Facts) []Finding {
	return f.eachGroup(func(_ Deployment, g securityGroup) (string, script, string) {
		for _, r := range g.IpPermissionsEgress {
			if r.IpProtocol == "-1" && slices.ContainsFunc(r.ranges(), everywhere) {
				return "lets all traffic out to everywhere",
					f.revoke("egress", g, func(r groupRule) bool { return r.IpProtocol == "-1" }, everywhere),
					hcl("resource \"aws_vpc_security_group_egress_rule\" \"only\" {\n  security_group_id = %s\n  ip_protocol       = \"tcp\"\n  from_port         = 443\n  to_port           = 443\n  prefix_list_id    = \"PREFIX-LIST\"\n}", g.GroupId)
			}
		}
		return "", script{}, ""
	}, "no group lets all traffic out to everywhere")
}

func groupIngress(f *Facts) []Finding {
	return f.eachGroup(func(_ Deployment, g securityGroup) (string, script, string) {
		if len(g.IpPermissions) == 0 {
			return "", script{}, ""
		}
		return "admits " + count(len(g.IpPermissions), "kind") + " of traffic",
			f.revoke("ingress", g, nil, nil),
			hcl("# remove every aws_vpc_security_group_ingress_rule of %s", g.GroupId)
	}, "its groups admit nobody")
}

func defaultGroup(f *Facts) []Finding {
	return f.eachGroup(func(d Deployment, g securityGroup) (string, script, string) {
		if g.GroupName != "default" {
			return "", script{}, ""
		}
		return "is its VPC's default group",
			f.onVersion(f.intoVPC(shell("SubnetIds=%s", strings.Join(d.Config.VpcConfig.SubnetIds, ","))+`",SecurityGroupIds=$GROUP_IDS"`).ask("GROUP_IDS", shell("in %s, ", g.VpcId)+ownGroups), d.Qualifier),
			hcl("resource \"aws_security_group\" \"function\" {\n  name   = %s\n  vpc_id = %s\n}", f.Name, g.VpcId)
	}, "none of its groups is a default one")
}

// egressInternet joins the three: a group that lets out, an ACL that lets out, and a route that
// leads out, of the same subnet.
func egressInternet(f *Facts) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		groups, at, gap := f.groups(d)
		tables, routed, gap2 := f.tables(d)
		acls, listed, gap3 := f.acls(d)
		for _, g := range []*Gap{gap, gap2, gap3} {
			if g != nil {
				return []Finding{unknown(d.ARN, g)}
			}
		}
		by, to := "", ""
		for _, g := range groups {
			for _, r := range g.IpPermissionsEgress {
				if i := slices.IndexFunc(r.ranges(), outside); i >= 0 && by == "" {
					by, to = g.GroupId, r.ranges()[i]
				}
			}
		}
		for _, id := range d.Config.VpcConfig.SubnetIds {
			t, ok := tables[id]
			acl, listed2 := acls[id]
			way := t.out()
			if by == "" || !ok || way == "" || listed2 && !acl.lets() {
				continue
			}
			return []Finding{fail(d.ARN, at, "from %s to %s: group %s lets it out, ACL %s too, and table %s leads to %s", id, to, by, acl.NetworkAclId, t.RouteTableId, way).also(d.Origin, routed, listed).fix(
				f.shutOut(groups).String(),
				hcl("resource \"aws_vpc_security_group_egress_rule\" \"only\" {\n  security_group_id = %s\n  ip_protocol       = \"tcp\"\n  from_port         = 443\n  to_port           = 443\n  cidr_ipv4         = \"ADDRESSES-OF-THE-VPC\"\n}", by))}
		}
		return []Finding{pass(d.ARN, at, "no group, ACL and route together lead out").also(d.Origin, routed, listed)}
	})
}

func publicSubnet(f *Facts) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		tables, at, gap := f.tables(d)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		for _, id := range d.Config.VpcConfig.SubnetIds {
			for _, r := range tables[id].Routes {
				if strings.HasPrefix(r.GatewayId, "igw-") {
					return []Finding{f.changeVersion(fail(d.ARN, at, "subnet %s has a route to %s", id, r.GatewayId).also(d.Origin), d.Qualifier,
						f.intoVPC(`"SubnetIds=$SUBNET_IDS",`+shell("SecurityGroupIds=%s", strings.Join(d.Config.VpcConfig.SecurityGroupIds, ","))).
							ask("SUBNET_IDS", shell("subnets of %s in two zones or more, none with a route to an internet gateway, with a comma between", d.Config.VpcConfig.VpcId)),
						f.function("  vpc_config {\n    subnet_ids         = [\"PRIVATE-SUBNETS\"]\n    security_group_ids = ["+quotedList(d.Config.VpcConfig.SecurityGroupIds)+"]\n  }\n"))}
				}
			}
		}
		return []Finding{pass(d.ARN, at, "none of its subnets leads to an internet gateway").also(d.Origin)}
	})
}

func networkACL(f *Facts) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		acls, at, gap := f.acls(d)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		for _, id := range d.Config.VpcConfig.SubnetIds {
			acl := acls[id]
			for _, e := range acl.Entries {
				if e.Egress && e.RuleAction == "allow" && e.Protocol == "-1" && (everywhere(e.CidrBlock) || everywhere(e.Ipv6CidrBlock)) {
					return []Finding{fail(d.ARN, at, "ACL %s of subnet %s allows everything out", acl.NetworkAclId, id).also(d.Origin).fix(
						f.narrowACLs(acls).String(),
						hcl("resource \"aws_network_acl_rule\" \"only\" {\n  network_acl_id = %s\n  egress         = true\n  rule_number    = "+number(e.RuleNumber)+"\n  protocol       = \"tcp\"\n  rule_action    = \"allow\"\n  cidr_block     = \"0.0.0.0/0\"\n  from_port      = 443\n  to_port        = 443\n}", acl.NetworkAclId))}
				}
			}
		}
		return []Finding{pass(d.ARN, at, "the ACLs of its subnets name what they allow").also(d.Origin)}
	})
}

type vpcEndpoint struct{ VpcEndpointId, VpcId, ServiceName, State, PolicyDocument string } //nolint:revive // the API's names

// endpoints are those of a version's VPC.
func (f *Facts) endpoints(d Deployment) (out []vpcEndpoint, at Origin, gap *Gap) {
	all := doc[struct{ VpcEndpoints []vpcEndpoint }](f, "ec2.endpoints", "", "")
	if all.Gap != nil || !all.Has && !all.None {
		return nil, all.Origin, orNone(all.Gap, all.Origin)
	}
	for _, e := range all.V.VpcEndpoints {
		if e.VpcId == d.Config.VpcConfig.VpcId {
			out = append(out, e)
		}
	}
	return out, all.Origin, nil
}

// served are services of IAM actions that have endpoints under a name of their own: AWS
// PrivateLink guide, "AWS services that integrate".
func served() map[string]string {
	return map[string]string{"s3": "s3", "dynamodb": "dynamodb", "sqs": "sqs", "sns": "sns", "kms": "kms", "secretsmanager": "secretsmanager", "ssm": "ssm", "logs": "logs", "events": "events",
		"states": "states", "kinesis": "kinesis-streams", "firehose": "kinesis-firehose", "lambda": "lambda", "sts": "sts", "ecr": "ecr.api", "athena": "athena", "glue": "glue"}
}

// endpointsFor: logs are not among them: Lambda writes them for the function, not by the VPC.
func endpointsFor(f *Facts) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		has, at, gap := f.endpoints(d)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		policies, gaps := f.rolePolicies(d.Config.Role)
		if len(gaps) > 0 {
			return []Finding{unknown(d.ARN, gaps[0].Gap)}
		}
		var lacks []string
		for _, service := range namedServices(policies) {
			name, ok := served()[service]
			if ok && service != "logs" && !slices.ContainsFunc(has, func(e vpcEndpoint) bool { return strings.HasSuffix(e.ServiceName, "."+f.Region+"."+name) }) {
				lacks = append(lacks, name)
			}
		}
		if len(lacks) > 0 {
			service := "com.amazonaws." + f.Region + "." + lacks[0]
			cli := f.makeEndpoints(d, lacks)
			return []Finding{fail(d.ARN, at, "no endpoint in %s for %s", d.Config.VpcConfig.VpcId, join(lacks)).also(d.Origin).fix(
				cli.String(),
				hcl("resource \"aws_vpc_endpoint\" \"service\" {\n  vpc_id       = %s\n  service_name = %s\n  policy       = file(\"narrow.json\")\n}", d.Config.VpcConfig.VpcId, service))}
		}
		return []Finding{pass(d.ARN, at, "what its role names has endpoints in %s", d.Config.VpcConfig.VpcId).also(d.Origin)}
	})
}

// namedServices are the services whose actions policies allow by name.
func namedServices(policies []RolePolicy) (out []string) {
	for _, p := range policies {
		for _, s := range p.Document.Statements {
			for _, a := range s.Action {
				if service, _, ok := strings.Cut(a, ":"); ok && s.Effect == "Allow" && !slices.Contains(out, strings.ToLower(service)) {
					out = append(out, strings.ToLower(service))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// endpointPolicy: without a policy of its own an endpoint has AWS's default, which lets everything through.
func endpointPolicy(f *Facts) []Finding {
	return f.eachInVPC(func(d Deployment) []Finding {
		has, at, gap := f.endpoints(d)
		if gap != nil {
			return []Finding{unknown(d.ARN, gap)}
		}
		if len(has) == 0 {
			return []Finding{notApplicable(d.ARN, "its VPC has no endpoint")}
		}
		var open []string
		for _, e := range has {
			p, err := iampolicy.Parse(e.PolicyDocument)
			if err != nil && e.PolicyDocument != "" {
				return []Finding{unknown(d.ARN, malformed(at))}
			}
			if e.PolicyDocument == "" || slices.ContainsFunc(p.Statements, func(s iampolicy.Statement) bool { return isAdmin(s) && len(s.Condition) == 0 }) {
				open = append(open, e.VpcEndpointId)
			}
		}
		if len(open) > 0 {
			return []Finding{fail(d.ARN, at, "everything passes through %s", join(open)).also(d.Origin).fix(
				f.narrowEndpoints(open).String(),
				hcl("resource \"aws_vpc_endpoint_policy\" \"narrow\" {\n  vpc_endpoint_id = %s\n  policy          = file(\"narrow.json\")\n}", open[0]))}
		}
		return []Finding{pass(d.ARN, at, "its VPC's endpoints have policies that narrow them").also(d.Origin)}
	})
}

func flowLogs(f *Facts) []Finding {
	all := doc[struct {
		FlowLogs []struct{ FlowLogId, ResourceId, TrafficType, FlowLogStatus, DeliverLogsStatus string } //nolint:revive // the API's names
	}](f, "ec2.flow-logs", "", "")
	return f.eachInVPC(func(d Deployment) []Finding {
		if all.Gap != nil || !all.Has && !all.None {
			return []Finding{unknown(d.ARN, orNone(all.Gap, all.Origin))}
		}
		records := func(resource string) bool {
			for _, l := range all.V.FlowLogs {
				if l.ResourceId == resource && l.TrafficType != "REJECT" && l.DeliverLogsStatus != "FAILED" {
					return true
				}
			}
			return false
		}
		v := d.Config.VpcConfig
		if records(v.VpcId) || !slices.ContainsFunc(v.SubnetIds, func(id string) bool { return !records(id) }) {
			return []Finding{pass(d.ARN, all.Origin, "what is let through in %s is recorded", v.VpcId).also(d.Origin)}
		}
		return []Finding{fail(d.ARN, all.Origin, "no flow log of %s, or of all its subnets, records what is let through", v.VpcId).also(d.Origin).fix(
			run(shell(`aws ec2 create-flow-logs --region %s --resource-type VPC --resource-ids %s --traffic-type ALL --log-destination-type s3 --log-destination "$BUCKET_ARN"`, f.Region, v.VpcId)).
				ask("BUCKET_ARN", "the ARN of a bucket, or of a folder of it, whose policy lets delivery.logs.amazonaws.com write. It costs by what is written").String(),
			hcl("resource \"aws_flow_log\" \"vpc\" {\n  vpc_id               = %s\n  traffic_type         = \"ALL\"\n  log_destination_type = \"s3\"\n  log_destination      = \"BUCKET-ARN\"\n}", v.VpcId))}
	})
}
