package practices

import (
	"slices"
	"strings"
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

// readyConfig: a recorder of the region runs, and takes functions in.
func readyConfig(f *Facts) []Finding { return append(configRecording(f), configFunctions(f)...) }

// readyGuardDuty: it is on, and looks at functions' traffic.
func readyGuardDuty(f *Facts) []Finding { return append(guardDuty(f), guardDutyLambda(f)...) }

func readyKeys(f *Facts) []Finding {
	known, out := f.deployments()
	var seen []string
	for _, d := range known {
		arn := d.Config.KMSKeyArn
		if arn == "" || slices.Contains(seen, arn) {
			continue
		}
		seen = append(seen, arn)
		out = append(out, f.keyStanding(arn).also(d.Origin))
	}
	return out
}

func readyImages(f *Facts) []Finding { return f.images(f.tagsStay) }
