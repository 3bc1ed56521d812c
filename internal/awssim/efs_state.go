package awssim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ft "github.com/aws/aws-sdk-go-v2/service/efs/types"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// efsState is EFS in one account and region. What lies in the file systems is not simulated.
type efsState struct {
	systems map[string]*fileSystem                // by id
	points  map[string]*ft.AccessPointDescription // by id
}

func newEFSState() *efsState {
	return &efsState{systems: map[string]*fileSystem{}, points: map[string]*ft.AccessPointDescription{}}
}

type fileSystem struct {
	about   ft.FileSystemDescription // without state and number of mount targets
	created time.Time
	policy  *string
	backup  ft.Status // "": nothing was ever said of it
	targets map[string]*mountTarget
}

type mountTarget struct {
	about  ft.MountTargetDescription // without state
	groups []string
	made   time.Time
}

func (s *efsState) objects(account, region string, put putObject) {
	at := "efs/" + account + "/" + region + "/"
	for id, f := range s.systems {
		about := f.about
		about.CreationTime = nil
		put(at+"file-system/"+id, map[string]any{"about": about, "policy": f.policy, "backup": f.backup}, f.created)
		for id, t := range f.targets {
			put(at+"mount-target/"+id, map[string]any{"about": t.about, "groups": t.groups}, t.made)
		}
	}
	for id, p := range s.points {
		put(at+"access-point/"+id, p, nil)
	}
}

// efsFail is an error with the code in its body too, as EFS's shapes want it.
func efsFail(code, format string, args ...any) *apiError {
	e := fail(code, format, args...)
	e.Fields = map[string]any{"ErrorCode": code}
	return e
}

// made is the state of what was made at that time.
func (c *call) made(at time.Time) ft.LifeCycleState {
	if c.now.Before(at.Add(c.cfg.Settle)) {
		return ft.LifeCycleStateCreating
	}
	return ft.LifeCycleStateAvailable
}

func (f *fileSystem) view(c *call) ft.FileSystemDescription {
	out := f.about
	out.LifeCycleState, out.NumberOfMountTargets = c.made(f.created), int32(len(f.targets))
	return out
}

func (t *mountTarget) view(c *call) ft.MountTargetDescription {
	out := t.about
	out.LifeCycleState = c.made(t.made)
	return out
}

// efsID takes the id out of an ARN, where EFS takes either.
func efsID(id *string) string {
	text := aws.ToString(id)
	return text[strings.LastIndexByte(text, '/')+1:]
}

// mountable: a function may mount only from within a VPC, and only an access point that is
// there (Lambda developer guide, "Configuring file system access"; texts not verified).
func (c *call) mountable(cfg *lt.FunctionConfiguration, mounts []lt.FileSystemConfig) error {
	for _, m := range mounts {
		a, ok := parseARN(aws.ToString(m.Arn))
		switch {
		case !ok || a.service != "elasticfilesystem":
			return fail("NotImplemented", "freezeframe simulator: mounts of %s are not simulated", a.service)
		case cfg.VpcConfig == nil || len(cfg.VpcConfig.SubnetIds) == 0:
			return invalid("The function must be configured to be in a VPC to mount a file system.")
		case c.efs.at(a.account, a.region, newEFSState).points[strings.TrimPrefix(a.resource, "access-point/")] == nil:
			return invalid("The access point %s does not exist.", a.String())
		}
	}
	return nil
}
