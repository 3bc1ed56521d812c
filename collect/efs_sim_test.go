package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestMounts: the way from the mount to the file system and its doors; another file system
// is left alone, and what is in the mounted one is said not to be covered.
func TestMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, Options{Unpaced: true, Only: []string{"lambda.configuration", "efs.mounts"}})
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		f, err := lambda.NewFromConfig(adminConfig(a)).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)})
		if err != nil {
			t.Fatal(err)
		}
		point := aws.ToString(f.FileSystemConfigs[0].Arn)
		c := efs.NewFromConfig(adminConfig(a))
		points, err := c.DescribeAccessPoints(t.Context(), &efs.DescribeAccessPointsInput{AccessPointId: &point})
		if err != nil {
			t.Fatal(err)
		}
		id := points.AccessPoints[0].FileSystemId
		targets, err := c.DescribeMountTargets(t.Context(), &efs.DescribeMountTargetsInput{FileSystemId: id})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"efs.file-system.backup": `{"BackupPolicy":{"Status":"ENABLED"}}`, "efs.mount-target.groups": `{"SecurityGroups":["sg-0dddddddddddddddd"]}`}
		for artefact, v := range map[string]any{"efs.access-point": points, "efs.mount-targets": map[string]any{"MountTargets": targets.MountTargets}} {
			doc, err := encoder{}.document(v)
			if err != nil {
				t.Fatal(err)
			}
			want[artefact] = strings.TrimSpace(string(doc))
		}
		found := map[string]int{}
		for _, e := range m.entries {
			if !strings.HasPrefix(e.Artefact, "efs.") {
				continue
			}
			found[e.Artefact]++
			body := strings.TrimSpace(string(m.bytes[key(e)]))
			switch {
			case e.Artefact == "efs.content":
				if e.State != evidence.NotCovered || e.Source.ARN != point {
					t.Errorf("%+v", e)
				}
			case e.State != evidence.Collected, want[e.Artefact] != "" && body != want[e.Artefact], want[e.Artefact] == "" && !strings.Contains(body, *id):
				t.Errorf("%s: %s %s", key(e), e.State, body)
			}
		}
		if len(found) != 7 || found["efs.file-system"] != 1 || found["efs.mount-target.groups"] != 1 {
			t.Errorf("%v", found)
		}
		wantStates(t, collectBare(t, a, "efs.mounts"), evidence.Absent, "efs.mounts bare")
	})
}

// TestOtherMounts: mounts of another service, of a point that is gone, of a file system
// without policy, and of versions that are not known.
func TestOtherMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		c := efs.NewFromConfig(adminConfig(a))
		plain, err := c.CreateFileSystem(t.Context(), &efs.CreateFileSystemInput{CreationToken: aws.String("plain")})
		if err != nil {
			t.Fatal(err)
		}
		point, err := c.CreateAccessPoint(t.Context(), &efs.CreateAccessPointInput{ClientToken: aws.String("plain"), FileSystemId: plain.FileSystemId})
		if err != nil {
			t.Fatal(err)
		}
		const s3files = "arn:aws:s3files:eu-central-1:123456789012:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef1"
		const gone = "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0123456789abcdef2"
		var mounts []lambdatypes.FileSystemConfig
		for _, arn := range []string{s3files, gone, *point.AccessPointArn, *point.AccessPointArn} {
			mounts = append(mounts, lambdatypes.FileSystemConfig{Arn: aws.String(arn)})
		}
		m := collectWith(t, a, fileSystems(), versionList{all: []versionFact{{mounts: mounts}}})
		got := map[string]evidence.State{}
		for _, e := range m.entries {
			got[e.Artefact+" "+e.Source.ARN[strings.LastIndexAny(e.Source.ARN, "/:")+1:]+e.Source.Qualifier] = e.State
		}
		for k, want := range map[string]evidence.State{
			"efs.mounts fsap-0123456789abcdef1": evidence.NotCovered, "efs.mounts payments*": evidence.NotAttempted,
			"efs.access-point fsap-0123456789abcdef2": evidence.Absent, "efs.file-system fsap-0123456789abcdef2": evidence.NotAttempted,
			"efs.file-system " + *plain.FileSystemId: evidence.Collected, "efs.file-system.policy " + *plain.FileSystemId: evidence.Absent,
			"efs.file-system.backup " + *plain.FileSystemId: evidence.Absent, "efs.mount-targets " + *plain.FileSystemId: evidence.Absent,
			"efs.content " + *point.AccessPointId: evidence.NotCovered,
		} {
			if got[k] != want {
				t.Errorf("%s is %q, want %q, of %v", k, got[k], want, got)
			}
		}
	})
}
