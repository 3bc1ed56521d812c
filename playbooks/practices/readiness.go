package practices

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// ForensicReadiness is the area of readiness items: whether tomorrow's incident could be
// investigated. It is none of the nine.
const ForensicReadiness Area = "forensic-readiness"

// ReadinessItem is one question of readiness, what it weighs, and what it costs to put right.
type ReadinessItem struct {
	Check
	Weight int    // of 100 together; what does not apply to a function is left out of its score
	Cost   int    // 1: a setting; 2: a setting that is paid for by use; 3: work
	Do     string // what to do where it fails
}

// readyItems is the one table of weights: what an investigation misses most weighs most.
func readyItems(denied []Gap) []ReadinessItem {
	item := func(id string, weight, cost int, title, why, do string, look func(*Facts) []Finding, reads ...string) ReadinessItem {
		return ReadinessItem{Check{ID: string(ForensicReadiness) + "/" + id, Area: ForensicReadiness, Title: title, Why: why, Severity: readySeverity(weight), Reads: reads, Look: look,
			References: []Reference{{CSF, "DE.CM-09"}, {CSF, "RS.AN-03"}}}, weight, cost, do}
	}
	trails := []string{"cloudtrail.trails", "cloudtrail.trails.status", "cloudtrail.trails.selectors"}
	return []ReadinessItem{
		item("trail", 14, 1, "A trail that logs records all management events", "Only the last 90 days of management events can be looked up, by few attributes.",
			"Make a trail of all regions that records reads and writes, into a bucket of another account.", readyTrailLogs, trails...),
		item("lambda-data-events", 12, 2, "A trail records the function's invocations by API", "Who called the function, and with which credentials, leaves no record.",
			"Record data events of AWS::Lambda::Function on the trail.", dataEvents, trails...),
		item("s3-data-events", 9, 2, "A trail records reads and writes of every bucket's objects", "What was taken from buckets with the role's credentials leaves no record.",
			"Record data events of AWS::S3::Object on the trail.", readyS3Data, trails...),
		item("trail-digests", 8, 1, "The trail's files are signed by digests", "That records were altered or taken away cannot be shown.",
			"Turn log file validation on for the trail.", readyDigests, trails...),
		item("trail-bucket", 6, 1, "The trail's bucket answers whoever investigates", "Data events and what is older than 90 days lie in the bucket alone.",
			"Let the investigating role read the trail's bucket, and collect with --trail-bucket.", readyBucket, append(slices.Clone(trails), "cloudtrail.bucket", "cloudtrail.objects")...),
		item("log-group", 9, 1, "The log groups that the function writes to are there", "What the code did and printed is kept nowhere.",
			"Create the log group, and let the execution role write to it.", readyGroups, readsDeployments("logs.group")...),
		item("log-retention", 6, 1, "Log events are kept for a year at least", "Intruders are found after months, when the first lines are gone.",
			"Set the log group's retention to 365 days or more.", readyRetention, readsDeployments("logs.group")...),
		item("versions", 7, 3, "Published versions keep older code and settings", "An overwritten $LATEST is lost: there is nothing to compare with, or to go back to.",
			"Publish a version with every deployment, and let an alias serve it.", readyVersions, readsDeployments()...),
		item("reader", 9, 1, "Nothing was refused to whoever collected", "Each refusal is evidence that is not there.",
			"Give the investigating role what the collection was refused: freezeframe doctor says which actions.", readyReader(denied), "lambda.configuration"),
		item("xray", 3, 2, "Active tracing is on", "Which calls an invocation made, and to whom, is not told.",
			"Set the function's tracing mode to Active.", tracing, readsDeployments()...),
		item("config", 5, 2, "AWS Config records functions", "What the configuration was before each change is not kept.",
			"Record AWS::Lambda::Function with AWS Config.", readyConfig, "config.recorders", "config.recorders.status"),
		item("guardduty", 5, 2, "GuardDuty watches, Lambda's network activity too", "Nobody says that something is wrong, and what the function connects to is not judged.",
			"Enable GuardDuty with Lambda protection.", readyGuardDuty, "guardduty.detectors", "guardduty.detector"),
		item("keys", 4, 1, "The keys that open its data are enabled and stay", "What is encrypted with a key that is deleted is lost with it.",
			"Cancel the deletion of the key, and enable it.", readyKeys, readsDeployments("kms.key")...),
		item("image-tags", 1, 1, "Tags of its image repositories cannot be moved", "Which image a tag named at the time of the incident is not known afterwards.",
			"Make the repository's tags immutable, and name images by digest.", readyImages, readsDeployments("ecr.repository")...),
		item("flow-logs", 2, 2, "Traffic of its network is recorded", "What was sent, how much and where to, is not told.",
			"Record flow logs of the VPC.", flowLogs, readsDeployments("ec2.flow-logs")...),
	}
}

func readySeverity(weight int) Severity {
	switch {
	case weight >= 9:
		return High
	case weight >= 5:
		return Medium
	}
	return Low
}

// ReadinessItems are all questions, with their weights.
func ReadinessItems() []ReadinessItem { return readyItems(nil) }

// ReadinessResult is one item of one function.
type ReadinessResult struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Function string `json:"function"`
	Weight   int    `json:"weight"`
	Cost     int    `json:"cost"`
	Do       string `json:"do"`
	Finding         // the worst of them
	Others   int    `json:"others"` // further findings of the item
}

// Readiness says whether an incident of tomorrow could be investigated.
type Readiness struct {
	Score int               `json:"score"` // 0 to 100: what is known to be in order, by weight
	Reach int               `json:"reach"` // what the score would be, were all that is unknown in order
	Items []ReadinessResult `json:"items"`
	First []string          `json:"first"` // what to do, by what it brings for what it costs
}

// AssessReadiness asks the items of the case's functions. What is unknown brings no points: what
// could not be seen today will not be seen tomorrow.
func AssessReadiness(ctx context.Context, c *evidence.Case, o Options) (*Readiness, error) {
	denied, err := readyDenied(ctx, c)
	if err != nil {
		return nil, err
	}
	items := readyItems(denied)
	byID := map[string]ReadinessItem{}
	o.Checks, o.Suppressions, o.Uses = nil, nil, nil
	for _, x := range items {
		byID[x.ID] = x
		o.Checks = append(o.Checks, x.Check)
	}
	r, err := Assess(ctx, c, o)
	if err != nil {
		return nil, err
	}
	out := &Readiness{Items: []ReadinessResult{}, First: []string{}}
	for _, x := range r.Results { // what is worst comes first
		if n := len(out.Items); n > 0 && out.Items[n-1].ID == x.Check && out.Items[n-1].Function == x.Function {
			out.Items[n-1].Others++
			continue
		}
		k := byID[x.Check]
		out.Items = append(out.Items, ReadinessResult{ID: x.Check, Title: x.Title, Function: x.Function, Weight: k.Weight, Cost: k.Cost, Do: k.Do, Finding: x.Finding})
	}
	out.weigh()
	return out, nil
}

// weigh makes the score, and says what to do first: by weight for cost, over all functions.
func (r *Readiness) weigh() {
	all, good, open := 0, 0, 0
	type deed struct {
		text        string
		worth, cost int
	}
	var deeds []deed
	for _, x := range r.Items {
		if x.Verdict != NotApplicable {
			all += x.Weight
		}
		switch x.Verdict {
		case Pass:
			good += x.Weight
			continue
		case Unknown:
			open += x.Weight
		case NotApplicable:
			continue
		}
		text := x.Do
		if x.Verdict == Unknown {
			text = fmt.Sprintf("Find out whether it is so: %s. If not: %s", strings.ToLower(x.Title[:1])+x.Title[1:], x.Do)
		}
		if i := slices.IndexFunc(deeds, func(d deed) bool { return d.text == text }); i >= 0 {
			deeds[i].worth += x.Weight
		} else {
			deeds = append(deeds, deed{text, x.Weight, x.Cost})
		}
	}
	if all > 0 {
		r.Score, r.Reach = 100*good/all, 100*(good+open)/all
	}
	slices.SortStableFunc(deeds, func(a, b deed) int {
		return cmp.Or(cmp.Compare(b.worth*a.cost, a.worth*b.cost), cmp.Compare(b.worth, a.worth))
	})
	for _, d := range deeds {
		r.First = append(r.First, d.text)
	}
}

// readyDenied are the refusals of the newest collections: what was refused and later had counts no more.
func readyDenied(ctx context.Context, c *evidence.Case) ([]Gap, error) {
	const most = 1000
	newest := map[key]string{}
	var out []Gap
	for f, err := range c.Find(ctx, func(evidence.Entry) bool { return true }) {
		if err != nil {
			return nil, fmt.Errorf("reading the coverage: %w", err)
		}
		k, bag := keyOf(f.Entry.Artefact, f.Entry.Source), f.Bag.ID()
		if newest[k] == "" {
			newest[k] = bag
		}
		if f.Entry.State != evidence.Denied || newest[k] != bag || len(out) == most {
			continue
		}
		g := Gap{Artefact: f.Entry.Artefact, Source: f.Entry.Source, State: f.Entry.State, Bag: bag}
		if f.Entry.Gap != nil {
			g.Call, g.Error, g.Note = f.Entry.Gap.Call, f.Entry.Gap.Error, f.Entry.Gap.Note
		}
		out = append(out, g)
	}
	return out, nil
}
