package practices

// vpcIsolation: where the function's traffic can go, joined from groups, ACLs, routes and endpoints.
func vpcIsolation() []Check {
	ref := func(more ...Reference) []Reference { return append(more, Reference{CSF, "PR.IR-01"}) }
	reads := func(more ...string) []string { return readsDeployments(more...) }
	return []Check{
		{ID: "vpc-isolation/in-vpc", Area: VPCIsolation, Severity: Low, Reads: reads(), Look: inVPC, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "The function runs in a VPC", Why: "Nothing of ours limits or records where it sends data.", References: ref(Reference{FSBP, "Lambda.3"}, Reference{Prowler, "awslambda_function_inside_vpc"})},
		{ID: "vpc-isolation/multi-az", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.subnets"), Look: multiAZ,
			Title: "Its subnets are in two availability zones or more", Why: "One zone's failure stops the function.", References: []Reference{{FSBP, "Lambda.5"}, {Prowler, "awslambda_function_vpc_multi_az"}, {CSF, "PR.IR-04"}}},
		{ID: "vpc-isolation/egress-any", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.security-groups"), Look: egressAny,
			Title: "No security group lets all traffic out to everywhere", Why: "The default rule of a new group: any protocol, any port, any address.", References: ref(Reference{ATTACK, "T1048"})},
		{ID: "vpc-isolation/egress-internet", Area: VPCIsolation, Severity: High, Reads: reads("ec2.security-groups", "ec2.network-acls", "ec2.route-tables"), Look: egressInternet,
			Title: "The function cannot reach the internet", Why: "Group, ACL and route together let it send what it has to any address.", References: ref(Reference{ATTACK, "T1567"}, Reference{ATTACK, "T1041"})},
		{ID: "vpc-isolation/public-subnet", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.route-tables"), Look: publicSubnet,
			Title: "Its subnets have no route to an internet gateway", Why: "A subnet made for what is public; one address on an interface, and it is.", References: ref(Reference{ATTACK, "T1133"})},
		{ID: "vpc-isolation/endpoints", Area: VPCIsolation, Severity: Low, Reads: readsRoles("ec2.endpoints"), Look: endpointsFor,
			Title: "Services that its role may use have endpoints in the VPC", Why: "Calls leave the VPC, and so the way out has to stay open.", References: ref()},
		{ID: "vpc-isolation/endpoint-policy", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.endpoints"), Look: endpointPolicy,
			Title: "The VPC's endpoints do not let everything through", Why: "Data leaves to somebody else's bucket or queue by the endpoint, past every route and group.", References: ref(Reference{ATTACK, "T1567.002"}, Reference{ATTACK, "T1537"})},
		{ID: "vpc-isolation/network-acl", Area: VPCIsolation, Severity: Low, Reads: reads("ec2.network-acls"), Look: networkACL,
			Title: "The network ACLs of its subnets do not allow everything out", Why: "A second lock that is left open: one change of a group is enough.", References: ref(Reference{ATTACK, "T1562.007"})},
		{ID: "vpc-isolation/group-ingress", Area: VPCIsolation, Severity: Low, Reads: reads("ec2.security-groups"), Look: groupIngress,
			Title: "Its security groups admit nobody", Why: "Nothing connects to a function: rules to do so are another machine's, which shares the group.", References: ref()},
		{ID: "vpc-isolation/default-group", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.security-groups"), Look: defaultGroup,
			Title: "It does not run under a VPC's default security group", Why: "Whatever was given no group of its own is in the same one.", References: ref(Reference{FSBP, "EC2.2"}, Reference{Prowler, "ec2_securitygroup_default_restrict_traffic"}, Reference{ATTACK, "T1021"})},
		{ID: "vpc-isolation/flow-logs", Area: VPCIsolation, Severity: Medium, Reads: reads("ec2.flow-logs"), Look: flowLogs, Traces: []string{"DeleteFlowLogs"},
			Title: "Flow logs record the traffic that was let through", Why: "Where data went is not written down anywhere.", References: []Reference{{FSBP, "EC2.6"}, {Prowler, "vpc_flow_logs_enabled"}, {CIS, "v3.0.0 3.7"}, {CSF, "DE.CM-01"}, {ATTACK, "T1562.008"}}},
	}
}
