package practices

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// readyReader fails where calls of the newest collections were refused, about this function or
// about what is not any function's.
func readyReader(denied []Gap) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		here := doc[struct{}](f, "lambda.configuration", "", "$LATEST")
		var calls []string
		var first *Gap
		for i, g := range denied {
			if other := strings.Contains(g.Source.ARN, ":function:") && g.Source.ARN != f.Function; other {
				continue
			}
			if first == nil {
				first = &denied[i]
			}
			what := g.Call
			if what == "" {
				what = g.Artefact
			}
			if !slices.Contains(calls, what) {
				calls = append(calls, what)
			}
		}
		if first == nil {
			return []Finding{pass(f.Function, here.Origin, "no call was refused")}
		}
		slices.Sort(calls)
		x := fail(f.Function, here.Origin, "refused: %s", join(calls))
		x.Gap = first
		return []Finding{x}
	}
}

func readyGroups(f *Facts) []Finding {
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		return pass(f.groupARN(g.Name), at, "it is there")
	}, func(name string, _ []string, at Origin) Finding {
		return fail(f.groupARN(name), at, "there is no such log group")
	})
}

func readyRetention(f *Facts) []Finding {
	const year = 365
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		if g.Retention == nil {
			return pass(f.groupARN(g.Name), at, "its events are kept without end")
		}
		kept := count(int(*g.Retention), "day")
		if *g.Retention < year {
			return fail(f.groupARN(g.Name), at, "its events are kept for %s", kept).
				fix(shell("aws logs put-retention-policy --region %s --log-group-name %s --retention-in-days 365", f.Region, g.Name), "")
		}
		return pass(f.groupARN(g.Name), at, "its events are kept for %s", kept)
	}, f.noGroup)
}

func readyVersions(f *Facts) []Finding {
	all, at, gap := f.versions()
	switch published := len(all) - 1; {
	case published > 0:
		return []Finding{pass(f.Function, at, "%s published", count(published, "version"))}
	case gap != nil:
		return []Finding{unknown(f.Function, gap)}
	}
	return []Finding{fail(f.Function, at, "no version is published: $LATEST is all there is").
		fix(shell("aws lambda publish-version --region %s --function-name %s", f.Region, f.Function), "")}
}

func readyTracing(f *Facts) []Finding {
	d := doc[GetFunction](f, "lambda.configuration", "", "$LATEST")
	switch {
	case !d.Has:
		return []Finding{unknown(f.Function, orNone(d.Gap, d.Origin))}
	case d.V.Configuration.TracingConfig.Mode == "Active":
		return []Finding{pass(f.Function, d.Origin, "tracing is active")}
	}
	return []Finding{fail(f.Function, d.Origin, "its tracing mode is %s", d.V.Configuration.TracingConfig.Mode).
		fix(shell("aws lambda update-function-configuration --region %s --function-name %s --tracing-config Mode=Active", f.Region, f.Function), "")}
}

type readyRecorders struct {
	ConfigurationRecorders []struct {
		Name           string `json:"name"`
		RecordingGroup struct {
			AllSupported      bool     `json:"allSupported"`
			ResourceTypes     []string `json:"resourceTypes"`
			RecordingStrategy struct {
				UseOnly string `json:"useOnly"`
			} `json:"recordingStrategy"`
			ExclusionByResourceTypes struct {
				ResourceTypes []string `json:"resourceTypes"`
			} `json:"exclusionByResourceTypes"`
		} `json:"recordingGroup"`
	}
}

type readyRecording struct {
	ConfigurationRecordersStatus []struct {
		Name      string `json:"name"`
		Recording bool   `json:"recording"`
	}
}

func readyConfig(f *Facts) []Finding {
	const function = "AWS::Lambda::Function"
	d, s := regional[readyRecorders](f, "config.recorders"), regional[readyRecording](f, "config.recorders.status")
	if gap := firstGap(d.Gap, s.Gap); gap != nil {
		return []Finding{unknown(f.Function, gap)}
	}
	for _, r := range d.V.ConfigurationRecorders {
		g := r.RecordingGroup
		excluded := g.RecordingStrategy.UseOnly == "EXCLUSION_BY_RESOURCE_TYPES"
		of := g.AllSupported || slices.Contains(g.ResourceTypes, function) || excluded && !slices.Contains(g.ExclusionByResourceTypes.ResourceTypes, function)
		for _, st := range s.V.ConfigurationRecordersStatus {
			if of && st.Name == r.Name && st.Recording {
				return []Finding{pass(f.Function, d.Origin, "recorder %s records functions", r.Name).also(s.Origin)}
			}
		}
	}
	return []Finding{fail(f.Function, d.Origin, "no recorder of the region that runs records functions").also(s.Origin)}
}

func readyGuardDuty(f *Facts) []Finding {
	list := regional[struct{ DetectorIds []string }](f, "guardduty.detectors")
	if list.Gap != nil {
		return []Finding{unknown(f.Function, list.Gap)}
	}
	bad, at := "there is no detector in the region", []Origin{list.Origin}
	for _, id := range list.V.DetectorIds {
		arn := fmt.Sprintf("arn:%s:guardduty:%s:%s:detector/%s", part(f.Function, 1), f.Region, f.Account, id)
		d := docAt[struct {
			Status   string
			Features []struct{ Name, Status string }
		}](f, "guardduty.detector", evidence.Source{ARN: arn})
		if !d.Has {
			return []Finding{unknown(arn, orNone(d.Gap, d.Origin))}
		}
		at = append(at, d.Origin)
		lambda := slices.ContainsFunc(d.V.Features, func(x struct{ Name, Status string }) bool {
			return x.Name == "LAMBDA_NETWORK_LOGS" && x.Status == "ENABLED"
		})
		switch {
		case d.V.Status == "ENABLED" && lambda:
			return []Finding{pass(arn, d.Origin, "it is enabled, with Lambda protection")}
		case d.V.Status == "ENABLED":
			bad = "Lambda protection is off"
		default:
			bad = "the detector is not enabled"
		}
	}
	return []Finding{fail(f.Function, at[0], bad).also(at[1:]...)}
}

func readyKeys(f *Facts) []Finding {
	known, out := f.deployments()
	var seen []string
	for _, d := range known {
		arn := d.Config.KMSKeyArn
		if arn == "" || slices.Contains(seen, arn) {
			continue
		}
		seen = append(seen, arn)
		k := docAt[struct {
			KeyMetadata struct {
				KeyState     string
				DeletionDate time.Time
			}
		}](f, "kms.key", evidence.Source{ARN: arn})
		switch m := k.V.KeyMetadata; {
		case !k.Has:
			out = append(out, unknown(arn, orNone(k.Gap, k.Origin)))
		case m.KeyState == "Enabled":
			out = append(out, pass(arn, k.Origin, "it is enabled").also(d.Origin))
		case m.KeyState == "PendingDeletion":
			out = append(out, fail(arn, k.Origin, "it will be deleted on %s", m.DeletionDate.UTC().Format(time.DateOnly)).also(d.Origin).
				fix(shell("aws kms cancel-key-deletion --region %s --key-id %s\naws kms enable-key --region %s --key-id %s", part(arn, 3), arn, part(arn, 3), arn), ""))
		default:
			out = append(out, fail(arn, k.Origin, "its state is %s", m.KeyState).also(d.Origin))
		}
	}
	return out
}

func readyImages(f *Facts) []Finding {
	known, out := f.deployments()
	var seen []string
	for _, d := range known {
		arn := readyRepository(f, d.V.Code)
		if d.Config.PackageType != "Image" || slices.Contains(seen, arn) {
			continue
		}
		seen = append(seen, arn)
		r := docAt[struct {
			Repositories []struct {
				ImageTagMutability string `json:"imageTagMutability"`
			} `json:"repositories"`
		}](f, "ecr.repository", evidence.Source{ARN: arn})
		switch {
		case !r.Has || len(r.V.Repositories) == 0:
			out = append(out, unknown(d.ARN, orNone(r.Gap, r.Origin)))
		case r.V.Repositories[0].ImageTagMutability == "IMMUTABLE":
			out = append(out, pass(arn, r.Origin, "its tags stay").also(d.Origin))
		default:
			out = append(out, fail(arn, r.Origin, "its tags are %s", r.V.Repositories[0].ImageTagMutability).also(d.Origin).
				fix(shell("aws ecr put-image-tag-mutability --region %s --registry-id %s --repository-name %s --image-tag-mutability IMMUTABLE", part(arn, 3), part(arn, 4), strings.TrimPrefix(part(arn, 5), "repository/")), ""))
		}
	}
	return out
}

// readyRepository is the repository of an image: ACCOUNT.dkr.ecr.REGION.DOMAIN/NAME@sha256:...
func readyRepository(f *Facts, c Code) string {
	uri := c.ResolvedImageUri
	if uri == "" {
		uri = c.ImageUri
	}
	host, name, _ := strings.Cut(uri, "/")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	h := strings.SplitN(host, ".", 5)
	if len(h) < 5 {
		return uri
	}
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", part(f.Function, 1), h[3], h[0], name)
}

type readyFlow struct{ FlowLogStatus, TrafficType string }

// readyFlows: a log of what was refused alone does not show what was let out.
func readyFlows(f *Facts) []Finding {
	d := doc[struct{ FlowLogs []readyFlow }](f, "ec2.flow-logs", "", "")
	switch {
	case d.None:
		return []Finding{notApplicable(f.Function, "no version is in a VPC")}
	case slices.ContainsFunc(d.V.FlowLogs, func(l readyFlow) bool {
		return l.TrafficType != "REJECT" && (l.FlowLogStatus == "ACTIVE" || l.FlowLogStatus == "")
	}):
		return []Finding{pass(f.Function, d.Origin, "%s", count(len(d.V.FlowLogs), "flow log"))}
	case d.Gap != nil:
		return []Finding{unknown(f.Function, d.Gap)}
	}
	return []Finding{fail(f.Function, d.Origin, "no flow log records what its network lets through")}
}
