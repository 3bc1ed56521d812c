package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	accesstypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	maxAnalyzers      = 200
	maxAccessFindings = 1_000
)

// accessFindings are what each analyzer of the region says of the function, its versions
// and aliases, and of its role: who from outside may reach them, what is not used.
func accessFindings() Collector {
	return Collector{
		Name: "accessanalyzer.findings", About: "IAM Access Analyzer: analyzers, and their findings of the function and its role",
		Needs: []awsapi.Need{
			need("AccessAnalyzer:ListAnalyzers", "access-analyzer:ListAnalyzers", "*"),
			need("AccessAnalyzer:ListFindingsV2", "access-analyzer:ListFindings", "analyzer ARN"),
			need("AccessAnalyzer:GetFindingV2", "access-analyzer:GetFinding", "analyzer ARN"),
		},
		Collect: collectAccessFindings,
	}
}

// analyzersOf lists the region's analyzers, once for all targets.
func (j *Job) analyzersOf(ctx context.Context, c *accessanalyzer.Client) nameList {
	p, ours := j.run.shared("accessanalyzer.analyzers " + j.Target.Region)
	if !ours {
		return p.get(ctx)
	}
	var l nameList
	defer func() { p.keep(l) }()
	w := j.of("accessanalyzer.analyzers", "", "", j.Target.Region, "AccessAnalyzer:ListAnalyzers")
	w.name = "accessanalyzer." + j.Target.Region + ".analyzers.json"
	found, known := gathered[accessanalyzer.ListAnalyzersInput, accessanalyzer.ListAnalyzersOutput, accessanalyzer.Options, accesstypes.AnalyzerSummary]{
		pager: pager[accessanalyzer.ListAnalyzersInput, accessanalyzer.ListAnalyzersOutput, accessanalyzer.Options]{
			call: c.ListAnalyzers, in: &accessanalyzer.ListAnalyzersInput{},
			next: func(in *accessanalyzer.ListAnalyzersInput, out *accessanalyzer.ListAnalyzersOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "analyzers", items: func(o *accessanalyzer.ListAnalyzersOutput) []accesstypes.AnalyzerSummary { return o.Analyzers },
		most: maxAnalyzers, none: "no analyzer in this region",
	}.get(ctx, j, w)
	l.known = known
	for _, a := range found {
		l.names = addOnce(l.names, aws.ToString(a.Arn))
	}
	return l
}

func collectAccessFindings(ctx context.Context, j *Job) {
	const artefact, call = "accessanalyzer.findings", "AccessAnalyzer:ListFindingsV2"
	about := []string{j.Target.ARN}
	role := j.roleOf(ctx)
	switch {
	case role == "":
		j.skip(j.want(artefact, "role", call), "the role is unknown: lambda.configuration is missing")
	case j.run.claim("access findings of " + role + " in " + j.Target.Region):
		about = append(about, role)
	}
	c := accessanalyzer.NewFromConfig(j.config(j.Target.Region))
	analyzers := j.analyzersOf(ctx, c)
	for _, arn := range about {
		switch {
		case len(analyzers.names) == 0 && analyzers.known:
			j.none(j.of(artefact, arn, "", j.Target.Region, call), stamp{}, "no analyzer in this region")
		case !analyzers.known:
			j.skip(j.of(artefact, arn, "*", j.Target.Region, call), "analyzers unknown: accessanalyzer.analyzers is not whole")
		}
		for _, a := range analyzers.names {
			w := j.of(artefact, arn, a[strings.LastIndexByte(a, '/')+1:], j.Target.Region, call)
			j.plan(w)
			j.accessFindingsOf(ctx, c, w, a)
		}
	}
}

// accessFindingsOf stores the findings of one analyzer about one resource with their
// details. The filter goes by a part of the name, so that versions and aliases of the
// function are in it; what only begins like it is left out here.
func (j *Job) accessFindingsOf(ctx context.Context, c *accessanalyzer.Client, w want, analyzer string) {
	if j.have(w) {
		return
	}
	w.params = map[string]string{"analyzerArn": analyzer, "resource": w.src.ARN}
	in := &accessanalyzer.ListFindingsV2Input{AnalyzerArn: &analyzer, Filter: map[string]accesstypes.Criterion{"resource": {Contains: []string{w.src.ARN}}}}
	first, s, err := ask(ctx, j, c.ListFindingsV2, in)
	if err != nil {
		j.refused(w, s, err)
		return
	}
	var ids []string
	cut := pager[accessanalyzer.ListFindingsV2Input, accessanalyzer.ListFindingsV2Output, accessanalyzer.Options]{
		call: c.ListFindingsV2, in: in,
		next: func(in *accessanalyzer.ListFindingsV2Input, out *accessanalyzer.ListFindingsV2Output) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *accessanalyzer.ListFindingsV2Output) error {
		for _, f := range o.Findings {
			if r := aws.ToString(f.Resource); r != w.src.ARN && !strings.HasPrefix(r, w.src.ARN+":") {
				continue
			}
			if len(ids) == maxAccessFindings {
				return tooMany(maxAccessFindings)
			}
			ids = addOnce(ids, aws.ToString(f.Id))
		}
		return nil
	})
	if len(ids) == 0 && cut == nil {
		j.none(w, s, "no findings")
		return
	}
	if cut != nil {
		cut = &ofCall{cut, w.call}
	}
	w.call = "AccessAnalyzer:GetFindingV2"
	var found []*accessanalyzer.GetFindingV2Output
	for _, id := range ids {
		f, at, err := j.accessFinding(ctx, c, analyzer, id)
		s = at
		if f != nil { // with the details that came before it failed
			found = append(found, f)
		}
		if err != nil {
			cut = err
			break
		}
	}
	if len(found) == 0 {
		j.refused(w, s, cut)
		return
	}
	j.putList(ctx, w, s, "findings", found, cut)
}

// accessFinding is one finding with all pages of its details.
func (j *Job) accessFinding(ctx context.Context, c *accessanalyzer.Client, analyzer, id string) (*accessanalyzer.GetFindingV2Output, stamp, error) {
	in := &accessanalyzer.GetFindingV2Input{AnalyzerArn: &analyzer, Id: &id}
	first, s, err := ask(ctx, j, c.GetFindingV2, in)
	if err != nil {
		return nil, s, err
	}
	whole := *first
	whole.FindingDetails, whole.NextToken = nil, nil
	err = pager[accessanalyzer.GetFindingV2Input, accessanalyzer.GetFindingV2Output, accessanalyzer.Options]{
		call: c.GetFindingV2, in: in,
		next: func(in *accessanalyzer.GetFindingV2Input, out *accessanalyzer.GetFindingV2Output) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *accessanalyzer.GetFindingV2Output) error {
		if len(whole.FindingDetails) > maxAccessFindings {
			return tooMany(maxAccessFindings)
		}
		whole.FindingDetails = append(whole.FindingDetails, o.FindingDetails...)
		return nil
	})
	return &whole, s, err
}
