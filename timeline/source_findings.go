package timeline

import (
	"fmt"
	"slices"
	"strings"
)

// inspectorFinding is a known hole in a function's packages or code.
type inspectorFinding struct {
	FindingArn, AwsAccountID, Type, Severity, Status, Title string
	FirstObservedAt                                         moment
	Resources                                               []struct{ ID, Region string }
}

func inspectorSource() Source {
	return listSource("inspector", "Inspector's findings: holes in a function's packages and code, since when they were seen", "inspector2.findings", "findings", KindFinding,
		func(f inspectorFinding, emit func(Event)) {
			e := Event{Time: f.FirstObservedAt.Time, TimestampDesc: "Finding First Observed", Service: "inspector2", Action: f.Type, Account: f.AwsAccountID,
				ID: "inspector|" + cut(f.FindingArn, maxNamedText), Message: fmt.Sprintf("Inspector: %s (%s, %s)", f.Title, f.Severity, f.Status)}
			for _, r := range f.Resources[:min(len(f.Resources), maxResources)] {
				e.setFunction(r.ID)
				e.addResource(cut(r.ID, MaxField))
			}
			e.Change.Setting = "severity=" + f.Severity
			emit(e)
		})
}

// accessFinding is one of IAM Access Analyzer, with its details.
type accessFinding struct {
	ID, FindingType, Resource, ResourceType, ResourceOwnerAccount, Status string
	CreatedAt                                                             moment
	FindingDetails                                                        []struct {
		ExternalAccessDetails *struct {
			Action    []string
			IsPublic  bool
			Principal map[string]string
		}
	}
}

func accessAnalyzerSource() Source {
	return listSource("access-analyzer", "IAM Access Analyzer's findings: who from outside may reach a function or its role, since when that was seen", "accessanalyzer.findings", "findings", KindFinding,
		func(f accessFinding, emit func(Event)) {
			e := Event{Time: f.CreatedAt.Time, TimestampDesc: "Finding Created", Service: "access-analyzer", Action: f.FindingType, Account: f.ResourceOwnerAccount,
				ID: "access-analyzer|" + cut(f.ID, maxNamedText) + "|" + cut(f.Resource, maxNamedText)}
			e.setFunction(f.Resource)
			if strings.Contains(f.Resource, ":role/") {
				e.Function, e.Change.Role = "", f.Resource
			}
			e.addResource(cut(f.Resource, MaxField))
			e.Message = fmt.Sprintf("Access Analyzer: %s on %s (%s)", f.FindingType, f.Resource, f.Status)
			for _, d := range f.FindingDetails {
				if x := d.ExternalAccessDetails; x != nil {
					admitted(&e, x.Principal, x.Action, x.IsPublic)
				}
			}
			emit(e)
		})
}

// admitted says who may do what, from the first of a finding's details.
func admitted(e *Event, principals map[string]string, actions []string, public bool) {
	var who []string
	for kind, p := range principals {
		who = append(who, kind+":"+p)
		public = public || kind == "AWS" && p == "*"
	}
	slices.Sort(who)
	if public {
		e.Tag(TagPublicGrant)
	}
	if e.Change.Grantee == "" {
		e.Change.Grantee, e.Change.Allows = cut(strings.Join(who, ","), MaxField), cut(strings.Join(actions, ","), MaxField)
		e.Message += fmt.Sprintf(": admits %s to %s", e.Change.Grantee, e.Change.Allows)
	}
}
