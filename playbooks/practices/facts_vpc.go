package practices

import (
	"net/netip"
	"slices"
	"strings"
)

// What EC2 says of the network, by its own names.

type subnet struct{ SubnetId, VpcId, AvailabilityZone string } //nolint:revive // the API's names

type groupRule struct {
	IpProtocol       string //nolint:revive // the API's name
	FromPort, ToPort *int64
	IpRanges         []struct{ CidrIp string }   //nolint:revive // the API's names
	Ipv6Ranges       []struct{ CidrIpv6 string } //nolint:revive // the API's names
	PrefixListIds    []struct{ PrefixListId string }
	UserIdGroupPairs []struct{ GroupId, UserId string } //nolint:revive // the API's names
}

type securityGroup struct {
	GroupId, GroupName, VpcId          string //nolint:revive // the API's names
	IpPermissions, IpPermissionsEgress []groupRule
}

type subnetACL struct {
	NetworkAclId string //nolint:revive // the API's name
	Associations []struct{ SubnetId string }
	Entries      []aclEntry
}

type aclEntry struct {
	RuleNumber                                     int64
	Egress                                         bool
	Protocol, RuleAction, CidrBlock, Ipv6CidrBlock string
	PortRange                                      *struct{ From, To int64 }
}

type routeTable struct {
	RouteTableId, VpcId string //nolint:revive // the API's names
	Associations        []struct {
		Main     bool
		SubnetId string //nolint:revive // the API's name
	}
	Routes []route
}

type route struct {
	DestinationCidrBlock, DestinationIpv6CidrBlock, State                                                  string
	GatewayId, NatGatewayId, TransitGatewayId, EgressOnlyInternetGatewayId, NetworkInterfaceId, InstanceId string //nolint:revive // the API's names
}

// everywhere says whether a range is all addresses of its family, or most of them.
func everywhere(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Bits() <= 1
}

// outside says whether a range holds addresses of the internet.
func outside(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return false
	}
	for _, own := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10"} {
		if o := netip.MustParsePrefix(own); o.Bits() <= p.Bits() && o.Contains(p.Addr()) {
			return false
		}
	}
	return true
}

func (r groupRule) ranges() (out []string) {
	for _, x := range r.IpRanges {
		out = append(out, x.CidrIp)
	}
	for _, x := range r.Ipv6Ranges {
		out = append(out, x.CidrIpv6)
	}
	return out
}

// eachInVPC judges the versions that are in a VPC.
func (f *Facts) eachInVPC(judge func(d Deployment) []Finding) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.VpcConfig == nil || len(d.Config.VpcConfig.SubnetIds) == 0 {
			return []Finding{notApplicable(d.ARN, "it is in no VPC")}
		}
		return judge(d)
	})
}

// among are those of a list that a version has, by id. What is not in the list is gone, or its
// own gap says why not.
func among[T any](f *Facts, artefact string, all Doc[[]T], id func(T) string, ids []string) (out []T, gap *Gap) {
	if all.Gap != nil || !all.Has && !all.None {
		return nil, orNone(all.Gap, all.Origin)
	}
	for _, want := range ids {
		i := slices.IndexFunc(all.V, func(x T) bool { return id(x) == want })
		if i >= 0 {
			out = append(out, all.V[i])
			continue
		}
		if d := doc[struct{}](f, artefact, "", want); !d.None {
			return nil, orNone(d.Gap, d.Origin)
		}
	}
	return out, nil
}

// within turns a document that holds a list into a document that is one.
func within[D, T any](d Doc[D], list func(D) []T) Doc[[]T] {
	return Doc[[]T]{Origin: d.Origin, V: list(d.V), Has: d.Has, None: d.None, Gap: d.Gap}
}

func (f *Facts) groups(d Deployment) ([]securityGroup, Origin, *Gap) {
	all := within(doc[struct{ SecurityGroups []securityGroup }](f, "ec2.security-groups", "", ""), func(v struct{ SecurityGroups []securityGroup }) []securityGroup { return v.SecurityGroups })
	own, gap := among(f, "ec2.security-groups", all, func(g securityGroup) string { return g.GroupId }, d.Config.VpcConfig.SecurityGroupIds)
	return own, all.Origin, gap
}

// tables are the route tables in force for a version's subnets: their own, or their VPC's main one.
func (f *Facts) tables(d Deployment) (map[string]routeTable, Origin, *Gap) {
	all := doc[struct{ RouteTables []routeTable }](f, "ec2.route-tables", "", "")
	if !all.Has || all.Gap != nil {
		return nil, all.Origin, orNone(all.Gap, all.Origin)
	}
	out := map[string]routeTable{}
	for _, id := range d.Config.VpcConfig.SubnetIds {
		for _, t := range all.V.RouteTables {
			for _, a := range t.Associations {
				if _, had := out[id]; a.SubnetId == id || a.Main && !had && (t.VpcId == d.Config.VpcConfig.VpcId || d.Config.VpcConfig.VpcId == "") {
					out[id] = t
				}
			}
		}
	}
	return out, all.Origin, nil
}

func (f *Facts) acls(d Deployment) (map[string]subnetACL, Origin, *Gap) {
	all := doc[struct{ NetworkAcls []subnetACL }](f, "ec2.network-acls", "", "")
	if !all.Has || all.Gap != nil {
		return nil, all.Origin, orNone(all.Gap, all.Origin)
	}
	out := map[string]subnetACL{}
	for _, acl := range all.V.NetworkAcls {
		for _, a := range acl.Associations {
			if slices.Contains(d.Config.VpcConfig.SubnetIds, a.SubnetId) {
				out[a.SubnetId] = acl
			}
		}
	}
	return out, all.Origin, nil
}

// out says where a table leads to the internet, "" if nowhere. A transit gateway and an
// appliance count: what lies behind them is not known to end.
func (t routeTable) out() string {
	for _, r := range t.Routes {
		if r.State == "blackhole" || !everywhere(r.DestinationCidrBlock) && !everywhere(r.DestinationIpv6CidrBlock) {
			continue
		}
		for _, to := range []string{r.NatGatewayId, r.GatewayId, r.EgressOnlyInternetGatewayId, r.TransitGatewayId, r.NetworkInterfaceId, r.InstanceId} {
			if to != "" && to != "local" && !strings.HasPrefix(to, "vpce-") {
				return to
			}
		}
	}
	return ""
}

// lets says whether an ACL lets any of a family's traffic out to the internet. Rules count in
// their order; one that denies everything ends it.
func (a subnetACL) lets() bool {
	entries := slices.Clone(a.Entries)
	slices.SortFunc(entries, func(x, y aclEntry) int { return int(x.RuleNumber - y.RuleNumber) })
	for _, e := range entries {
		cidr := e.CidrBlock + e.Ipv6CidrBlock
		if !e.Egress || !outside(cidr) {
			continue
		}
		if e.RuleAction == "allow" {
			return true
		}
		if e.Protocol == "-1" && everywhere(e.CidrBlock) {
			return false
		}
	}
	return false
}
