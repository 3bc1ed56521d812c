package contain

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	actNetwork = "network-quarantine"
	partGroup  = "quarantine group"
)

// groupsEdit puts a function that is in a VPC behind a security group that lets nothing
// out. The group is the operator's: one that was made here would have to be taken away
// again, and Lambda's interfaces hold on to it for long after.
func groupsEdit() Edit[configuration] {
	return Edit[configuration]{
		Name:       actNetwork,
		About:      "give a function in a VPC the security group of --quarantine-group, and no other",
		Lossy:      "Lambda makes network interfaces for the group, which takes minutes, and takes them away in its own time once nothing uses them",
		LosesState: []string{"ec2/*/interface/*"},
		Kind:       Isolate, Attack: []string{"T1041", "T1048"},
		Rank: rank(stageDestinations), // Lambda asks for the role's permission on interfaces: before its deny
		Looks: []Part{Look(Part{Name: partGroup, Needs: []awsapi.Need{{Call: "EC2:DescribeSecurityGroups", When: "a quarantine group is named",
			IAM: []awsapi.Grant{{Action: "ec2:DescribeSecurityGroups", Resource: "*"}}}}}, groupFault, nil)},
		Parts: []string{partGroup},
		Keys: func(s *Survey) []string {
			if groupsLack(s) != "" {
				return nil
			}
			return []string{""}
		},
		Lacks:  groupsLack,
		Params: func(in PlanInput, _ *Survey) Params { return Params{"group": in.QuarantineGroup} },
		Apply: func(_ Place, before configuration, params Params) (configuration, error) {
			if params["group"] == "" || len(before.Subnets) == 0 {
				return configuration{}, errors.New("it is in no VPC, or there is no group for it")
			}
			before.Groups = []string{params["group"]}
			return before, nil
		},
		Destroys: configurationArtefacts,
		Breaks: func(s *Survey, before map[string]configuration) []Impact {
			return []Impact{{What: "network", Resource: s.ARN, Detail: fmt.Sprintf("$LATEST loses what the groups %v let through: databases, endpoints, mounted file systems", before[""].Groups)}}
		},
		Worth: func(*Survey) []string {
			return []string{
				"$LATEST only: published versions, and environments that run, keep the interfaces and groups that they have",
				"what a security group lets through follows connections: those that are open stay open",
				"a deny on the role before Lambda has made the interfaces makes the change fail, and the old groups stay",
			}
		},
		Fixture: Fixture{Group: "sg-0123456789abcdef1"},
	}
}

func groupsLack(s *Survey) string {
	switch {
	case len(s.Subnets) == 0:
		return "the function is in no VPC: no security group stands between it and the internet"
	case s.in.QuarantineGroup == "":
		return "name a security group of its VPC that has no outbound rule: --quarantine-group sg-..."
	}
	return Found[string](s, partGroup)
}

// groupFault says why the group would hold nothing back, "" if it would.
func groupFault(ctx context.Context, cfg aws.Config, s *Survey) (string, error) {
	id := s.in.QuarantineGroup
	if id == "" || len(s.Subnets) == 0 {
		return "", nil
	}
	out, err := ec2.NewFromConfig(cfg).DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if isCode(err, "InvalidGroup.NotFound", "InvalidGroupId.Malformed") {
		return "there is no security group " + id, nil
	}
	if err != nil {
		return "", err
	}
	for _, g := range out.SecurityGroups {
		switch {
		case aws.ToString(g.GroupId) != id:
		case s.VPC != aws.ToString(g.VpcId):
			return fmt.Sprintf("security group %s is of %s, the function is in %s", id, aws.ToString(g.VpcId), s.VPC), nil
		case len(g.IpPermissionsEgress) > 0:
			return fmt.Sprintf("security group %s has outbound rules: it would let out what they name", id), nil
		default:
			return "", nil
		}
	}
	return "there is no security group " + id, nil
}
