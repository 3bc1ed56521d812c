package practices

import (
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// readyTrail is a trail that records the function's region.
type readyTrail struct {
	at        Origin
	ARN       string `json:"TrailARN"`
	Bucket    string `json:"S3BucketName"`
	Digests   bool   `json:"LogFileValidationEnabled"`
	logs      bool
	gap       *Gap // whether it logs is not known
	selectors Doc[selectors]
}

// readyTrails are the trails that log, or may, and a gap where there may be more.
func (f *Facts) readyTrails() (out []readyTrail, list Origin, gap *Gap) {
	d := regional[struct {
		TrailList []readyTrail `json:"trailList"`
	}](f, "cloudtrail.trails")
	for _, t := range d.V.TrailList {
		status := docAt[struct{ IsLogging *bool }](f, "cloudtrail.trails.status", evidence.Source{ARN: t.ARN})
		t.at = status.Origin
		switch {
		case status.Has && status.V.IsLogging != nil && !*status.V.IsLogging:
			continue
		case status.Has && status.V.IsLogging != nil:
			t.logs = true
		default:
			t.gap = orNone(status.Gap, status.Origin)
			if status.None {
				t.gap.Note = "the trail is another account's, which alone can tell whether it logs, and what"
			}
		}
		t.selectors = docAt[selectors](f, "cloudtrail.trails.selectors", evidence.Source{ARN: t.ARN})
		out = append(out, t)
	}
	return out, d.Origin, d.Gap
}

// readyAny passes where one trail that logs is as wanted. ok gives a gap where the trail's own
// documents do not tell.
func readyAny(f *Facts, good, bad string, ok func(t readyTrail) (yes bool, at Origin, gap *Gap)) []Finding {
	trails, list, gap := f.readyTrails()
	for _, t := range trails {
		if !t.logs {
			gap = firstGap(gap, t.gap)
			continue
		}
		yes, at, why := ok(t)
		if yes {
			return []Finding{pass(t.ARN, at, good)}
		}
		gap = firstGap(gap, why)
	}
	if gap != nil {
		return []Finding{unknown(f.Function, gap)}
	}
	if len(trails) == 0 {
		return []Finding{fail(f.Function, list, "no trail that logs records the function's region")}
	}
	x := fail(f.Function, list, bad)
	for _, t := range trails {
		x = x.also(t.selectors.Origin)
	}
	return []Finding{x}
}

func firstGap(a, b *Gap) *Gap {
	if a != nil {
		return a
	}
	return b
}

// selected asks a trail's selectors, classic or advanced.
func (t readyTrail) selected(ask func(selectors) bool) (bool, Origin, *Gap) {
	if !t.selectors.Has {
		return false, t.selectors.Origin, orNone(t.selectors.Gap, t.selectors.Origin)
	}
	if ask(t.selectors.V) {
		return true, t.selectors.Origin, nil
	}
	return false, t.selectors.Origin, t.selectors.Gap
}

func readyTrailLogs(f *Facts) []Finding {
	return readyAny(f, "it logs all management events", "no trail records reads and writes of management events", func(t readyTrail) (bool, Origin, *Gap) {
		return t.selected(func(s selectors) bool {
			for _, e := range s.EventSelectors {
				if e.ReadWriteType == "All" && (e.IncludeManagementEvents == nil || *e.IncludeManagementEvents) {
					return true
				}
			}
			return s.advanced("Management", "")
		})
	})
}

func readyDigests(f *Facts) []Finding {
	return readyAny(f, "its files are signed by digests", "no trail that logs has its files signed by digests", func(t readyTrail) (bool, Origin, *Gap) { return t.Digests, t.at, nil })
}

func readyS3Data(f *Facts) []Finding {
	return readyAny(f, "it records the objects of every bucket", "no trail records data events of every bucket's objects", func(t readyTrail) (bool, Origin, *Gap) {
		return t.selected(func(s selectors) bool {
			every := []string{"arn:" + part(f.Function, 1) + ":s3", "arn:" + part(f.Function, 1) + ":s3:::"}
			return s.classic("AWS::S3::Object", func(v string) bool { return slices.Contains(every, v) }) || s.advanced("Data", "AWS::S3::Object")
		})
	})
}

// classic says whether event selectors record reads and writes of a resource.
func (s selectors) classic(kind string, covers func(value string) bool) bool {
	for _, e := range s.EventSelectors {
		for _, d := range e.DataResources {
			if e.ReadWriteType == "All" && d.Type == kind && slices.ContainsFunc(d.Values, covers) {
				return true
			}
		}
	}
	return false
}

// advanced says whether one advanced selector records all events of a category, for data events of
// all resources of a type. Several fields narrow each other; a field that this does not weigh
// narrows too, and the selector does not count.
func (s selectors) advanced(category, kind string) bool {
	for _, a := range s.AdvancedEventSelectors {
		ofCategory, ofKind, whole := false, kind == "", true
		for _, x := range a.FieldSelectors {
			switch {
			case x.Field == "eventCategory":
				ofCategory = slices.Contains(x.Equals, category)
			case x.Field == "resources.type" && slices.Contains(x.Equals, kind):
				ofKind = true
			case x.Field == "eventSource" && category == "Management" && len(x.Equals)+len(x.StartsWith)+len(x.EndsWith) == 0 && readyLeftOut(x.NotEquals):
			default:
				whole = false
			}
		}
		if ofCategory && ofKind && whole {
			return true
		}
	}
	return false
}

// readyLeftOut: events of KMS and of RDS's data API are what AWS lets one leave out for their number.
func readyLeftOut(sources []string) bool {
	return !slices.ContainsFunc(sources, func(s string) bool { return s != "kms.amazonaws.com" && s != "rdsdata.amazonaws.com" })
}

// readyBucket: the lifecycle of the bucket's objects is not collected, only that it answers.
func readyBucket(f *Facts) []Finding {
	return readyAny(f, "its bucket answers", "no trail's bucket answers", func(t readyTrail) (bool, Origin, *Gap) {
		d := docAt[struct{}](f, "cloudtrail.bucket", evidence.Source{ARN: "arn:" + part(t.ARN, 1) + ":s3:::" + t.Bucket})
		if d.Has {
			return true, d.Origin, nil
		}
		if asked := regional[struct{}](f, "cloudtrail.objects"); asked.Gap != nil && asked.Gap.State == evidence.NotCovered {
			return false, d.Origin, asked.Gap
		}
		return false, d.Origin, orNone(d.Gap, d.Origin)
	})
}
