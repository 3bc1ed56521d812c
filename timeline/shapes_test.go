package timeline

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// awsShapes are the shapes of a service, as AWS publishes them.
type awsShapes map[string]struct {
	Type    string
	Members map[string]struct{ Shape string }
	Member  struct{ Shape string }
	Value   struct{ Shape string }
}

func shapesOf(t *testing.T, service string) awsShapes {
	t.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../shared"
	}
	f, err := os.Open(filepath.Join(root, "data", "aws-models", service+".json.gz"))
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: AWS's API shapes are not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Shapes awsShapes }
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.Shapes
}

// holds compares what is read with a shape, member by member.
func (s awsShapes) holds(t *testing.T, path, shape string, of reflect.Type, beyond map[string]bool) (n int) {
	t.Helper()
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && of.Elem().Kind() != reflect.Uint8 {
		if of = of.Elem(); s[shape].Type == "list" {
			shape = s[shape].Member.Shape
		}
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[moment]() {
		return 0
	}
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() || beyond[path+"."+f.Name] {
			continue
		}
		found := ""
		for name, m := range s[shape].Members {
			if strings.EqualFold(name, f.Name) {
				found = m.Shape
			}
		}
		n++
		if found == "" {
			t.Errorf("%s: AWS's %s has no member %s", path, shape, f.Name)
			continue
		}
		n += s.holds(t, path+"."+f.Name, found, f.Type, beyond)
	}
	return n
}

// TestMembersAreAWSs: what the sources read is spelt as AWS's API shapes spell it.
func TestMembersAreAWSs(t *testing.T) {
	n := 0
	for _, x := range []struct {
		service, shape string
		of             any
	}{
		{"config", "ConfigurationItem", configItem{}}, {"guardduty", "Finding", guardFinding{}}, {"inspector2", "Finding", inspectorFinding{}},
		{"accessanalyzer", "GetFindingV2Response", accessFinding{}}, {"xray", "TraceSummary", traceSummary{}},
	} {
		s := shapesOf(t, x.service)
		// One type reads all of GuardDuty's actions, of which each has some of the members.
		beyond := map[string]bool{}
		for _, action := range []string{"AwsAPICallAction", "NetworkConnectionAction", "RdsLoginAttemptAction", "KubernetesAPICallAction", "PortProbeAction", "DNSRequestAction"} {
			beyond["guardduty.Service.Action."+action] = true
		}
		n += s.holds(t, x.service, x.shape, reflect.TypeOf(x.of), beyond)
		if x.service != "guardduty" {
			continue
		}
		for _, a := range []struct {
			shape   string
			members []string
		}{
			{"Action", []string{"AwsApiCallAction", "NetworkConnectionAction", "RdsLoginAttemptAction", "KubernetesApiCallAction", "PortProbeAction", "DnsRequestAction"}},
			{"AwsApiCallAction", []string{"Api", "ServiceName", "ErrorCode", "UserAgent", "RemoteIpDetails"}}, {"NetworkConnectionAction", []string{"ConnectionDirection", "RemoteIpDetails", "RemotePortDetails"}},
			{"RdsLoginAttemptAction", []string{"RemoteIpDetails"}}, {"KubernetesApiCallAction", []string{"UserAgent", "RemoteIpDetails"}}, {"PortProbeAction", []string{"PortProbeDetails"}},
			{"PortProbeDetail", []string{"RemoteIpDetails"}}, {"DnsRequestAction", []string{"Domain"}}, {"RemoteIpDetails", []string{"IpAddressV4", "IpAddressV6"}}, {"RemotePortDetails", []string{"Port"}},
		} {
			for _, m := range a.members {
				n++
				if _, has := s[a.shape].Members[m]; !has {
					t.Errorf("AWS's %s has no member %s", a.shape, m)
				}
			}
		}
	}
	t.Logf("%d members; 0 skipped", n)
}
