package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const filterCall = "CloudWatchLogs:FilterLogEvents"

// logEvents reads by stream, and every stream: which of them have events in the window is
// not left to a stream's last event time, for that lags an hour or more.
//
// By FilterLogEvents, though GetLogEvents has the larger quota: the events of GetLogEvents
// have no eventId, and its end is a guess (a token that comes back). An eventId says of two
// copies of an event that they are one, and of two equal lines that they are two.
func logEvents() Collector {
	return Collector{
		Name: "logs.events", About: "log events of the window, by log stream",
		Needs: []awsapi.Need{
			need("CloudWatchLogs:DescribeLogStreams", "logs:DescribeLogStreams", "log group ARN"),
			need(filterCall, "logs:FilterLogEvents", "log group ARN"),
			{Call: startCall, When: whenInfrequent, IAM: []awsapi.Grant{{Action: "logs:StartQuery", Resource: "log group ARN"}}},
			{Call: resultsCall, When: whenInfrequent, IAM: []awsapi.Grant{{Action: "logs:GetQueryResults", Resource: "*"}}},
		},
		Collect: collectLogEvents,
	}
}

const (
	whenInfrequent = "a log group is of class INFREQUENT_ACCESS"

	streamsAtOnce = 8      // over all log groups of a run
	maxStreams    = 50_000 // of one log group: beyond that the group is read as a whole
	namesMost     = 100    // of streams in one FilterLogEvents (API reference)
	// artefactsMost bounds what a group adds to the bag: beyond that streams that were named
	// one after another share an artefact, and their calls.
	artefactsMost = 512
	emptyPages    = 2000 // one after another: AWS scans a stretch of time for each page
)

// logRead is one artefact of events: of one stream, of several, or of the whole group.
type logRead struct {
	w     want
	names [][]string // of streams, as many as a call may name; nil is the whole group
	// insights says that FilterLogEvents is refused, and Logs Insights is not.
	insights bool
}

// pageSource gives the pages of an artefact's events.
type pageSource interface {
	next(ctx context.Context) ([]byte, error) // lines, good until the next call; nil at the end
	stamp() stamp                             // of the first call, or of the one that failed
}

func collectLogEvents(ctx context.Context, j *Job) {
	j.eachLogGroup(ctx, "logs.events", filterCall, func(group string) { j.groupEvents(ctx, j.Target.Region, group) })
	j.edgeLogEvents(ctx)
}

func (j *Job) groupEvents(ctx context.Context, region, group string) {
	g := &groupReader{j: j, region: region, group: group, c: cloudwatchlogs.NewFromConfig(j.config(region))}
	g.left.Store(j.run.o.MaxLogBytes)
	for _, r := range g.reads(ctx) {
		j.plan(r.w)
		g.all = append(g.all, r)
	}
	each(g.all, streamsAtOnce, func(r logRead) { g.read(ctx, r) })
}

// groupReader reads the events of one log group.
type groupReader struct {
	j      *Job
	c      *cloudwatchlogs.Client
	region string
	group  string
	all    []logRead
	left   atomic.Int64 // bytes of events that may still be kept
	tools  logTools
}

// reads is what to ask for. Where the streams are not all known, or cannot be read one by
// one, the group is read as a whole, in one chain of pages.
func (g *groupReader) reads(ctx context.Context) []logRead {
	j := g.j
	whole := logRead{w: g.want("")}
	if _, had := j.keptEntry(whole.w); had {
		return []logRead{whole} // an earlier session read the group as a whole
	}
	if class := g.class(ctx); classNote(class) != "" {
		whole.w.note = classNote(class) + "; " + whole.w.note
		if whole.insights = class == string(types.LogGroupClassInfrequentAccess); whole.insights {
			whole.w.call = startCall
		}
		return []logRead{whole}
	}
	streams, all := g.streams(ctx)
	if !all {
		return []logRead{whole}
	}
	likely, quiet := byRecency(streams, j.run.since.Add(-day).UnixMilli())
	var out []logRead
	per := min(namesMost, max(1, (len(likely)+artefactsMost-1)/artefactsMost))
	for names := range slices.Chunk(likely, per) {
		qualifier := names[0]
		if len(names) > 1 {
			qualifier += ":" + names[len(names)-1] // a stream's name has no colon
		}
		out = append(out, g.of(qualifier, [][]string{names}, len(names)))
	}
	slices.Reverse(out) // Lambda's names begin with the day: the newest first, should the cap be met
	if len(quiet) > 0 {
		out = append(out, g.of(":quiet", slices.Collect(slices.Chunk(quiet, namesMost)), len(quiet)))
	}
	if len(out) == 0 {
		whole.names = [][]string{}
		out = append(out, whole)
	}
	return out
}

// class is the group's, as logs.group found it. Where it did not, one call shows it.
func (g *groupReader) class(ctx context.Context) string {
	j := g.j
	if j.run.runs("logs.group") {
		p, _ := j.run.shared("class of log group " + g.group + " in " + g.region)
		if known := p.get(ctx).names; len(known) > 0 {
			return known[0]
		}
	}
	if ctx.Err() != nil {
		return ""
	}
	_, _, err := ask(ctx, j, g.c.FilterLogEvents, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &g.group, Limit: aws.Int32(1),
		StartTime: aws.Int64(j.run.since.UnixMilli()), EndTime: aws.Int64(j.run.until.UnixMilli())})
	if state, text := classify(err); state == evidence.Failed && strings.HasPrefix(text, "Invalid") {
		return string(types.LogGroupClassInfrequentAccess)
	}
	return ""
}

func (g *groupReader) of(qualifier string, names [][]string, streams int) logRead {
	r := logRead{w: g.want(qualifier), names: names}
	r.w.params["logStreams"] = strconv.Itoa(streams)
	return r
}

func (g *groupReader) want(qualifier string) want {
	w := g.j.logWant("logs.events", g.region, g.group, filterCall)
	w.src.Qualifier = qualifier
	w.none = qualifier == ""
	w.params["startTime"], w.params["endTime"] = strconv.FormatInt(g.j.run.since.UnixMilli(), 10), strconv.FormatInt(g.j.run.until.UnixMilli(), 10)
	first, _, several := strings.Cut(qualifier, ":")
	if several {
		first = first[:min(len(first), 56)] + "..."
	}
	w.name = strings.Join([]string{"logs.events", first[:min(len(first), 60)], "ndjson.zst"}, ".")
	w.note = "application/x-ndjson, compressed with zstd"
	return w
}

// streams lists all streams of the group, by name, and says whether those are all.
func (g *groupReader) streams(ctx context.Context) ([]types.LogStream, bool) {
	return gathered[cloudwatchlogs.DescribeLogStreamsInput, cloudwatchlogs.DescribeLogStreamsOutput, cloudwatchlogs.Options, types.LogStream]{
		pager: pager[cloudwatchlogs.DescribeLogStreamsInput, cloudwatchlogs.DescribeLogStreamsOutput, cloudwatchlogs.Options]{
			call: g.c.DescribeLogStreams,
			in:   &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(g.group)},
			next: func(in *cloudwatchlogs.DescribeLogStreamsInput, out *cloudwatchlogs.DescribeLogStreamsOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "logStreams", items: func(o *cloudwatchlogs.DescribeLogStreamsOutput) []types.LogStream { return o.LogStreams },
		none: "the log group has no streams", most: maxStreams,
	}.get(ctx, g.j, g.j.logWant("logs.streams", g.region, g.group, "CloudWatchLogs:DescribeLogStreams"))
}

// byRecency parts the streams that may have events in the window from those that were begun
// and last written to before it, as far as AWS says. The second are read too, many at a
// time: what AWS says of a stream is late, and an old stream may have been written to again.
func byRecency(streams []types.LogStream, since int64) (likely, quiet []string) {
	seen := map[string]bool{}
	for _, s := range streams {
		name := aws.ToString(s.LogStreamName)
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		old := true
		for _, at := range []*int64{s.CreationTime, s.LastEventTimestamp, s.LastIngestionTime} {
			old = old && at != nil && *at < since
		}
		if old {
			quiet = append(quiet, name)
		} else {
			likely = append(likely, name)
		}
	}
	return likely, quiet
}

var errLogCap = errors.New("the cap on log bytes is met: raise --max-log-bytes")

// read stores the events of one artefact, page by page.
func (g *groupReader) read(ctx context.Context, r logRead) {
	j := g.j
	select {
	case j.run.streams <- struct{}{}:
		defer func() { <-j.run.streams }()
	case <-ctx.Done():
		return // close records it
	}
	switch {
	case j.have(r.w):
		return
	case ctx.Err() != nil:
		return // close records it
	case g.left.Load() <= 0:
		j.gap(r.w, stamp{}, evidence.NotAttempted, "", errLogCap.Error())
		return
	}
	p := g.pages(r)
	if e, ok := p.(*eventPages); ok {
		defer g.tools.raws.Put(e.raw)
	}
	first, err := p.next(ctx)
	switch {
	case err != nil:
		j.refused(r.w, p.stamp(), err)
		return
	case first == nil:
		j.none(r.w, p.stamp(), "no events in the window")
		return
	}
	err = j.put(ctx, r.w, p.stamp(), func(out io.Writer) error {
		z, err := g.tools.compressor(out)
		if err != nil {
			return err
		}
		defer g.tools.zips.Put(z)
		cut := g.copy(ctx, z, p, first)
		if err := z.Close(); err != nil { // also where it was cut short: what is there can be read to its end
			return fmt.Errorf("compressing log events: %w", err)
		}
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(r.w, p.stamp(), err)
	}
}

func (g *groupReader) copy(ctx context.Context, out io.Writer, p pageSource, lines []byte) (err error) {
	for ; lines != nil; lines, err = p.next(ctx) {
		granted, full := g.grant(lines)
		if _, err := out.Write(granted); err != nil {
			return err
		}
		if full {
			return errLogCap
		}
	}
	return err
}

// grant takes lines off what the group may still keep, and gives as many whole ones as fit.
func (g *groupReader) grant(lines []byte) (granted []byte, full bool) {
	n := int64(len(lines))
	left := g.left.Add(-n)
	if left >= 0 {
		return lines, false
	}
	fits := max(0, n+left)
	for fits > 0 && lines[fits-1] != '\n' {
		fits--
	}
	return lines[:fits], true
}

func (g *groupReader) pages(r logRead) pageSource {
	if r.insights {
		run := g.j.run
		return &insightsPages{j: g.j, c: g.c, group: g.group, most: insightsMost, spans: [][2]int64{{run.since.Unix(), run.until.Unix()}}}
	}
	p := &eventPages{j: g.j, c: g.c, group: g.group, names: r.names, raw: g.tools.pages()}
	if r.names == nil {
		p.names = [][]string{nil}
	}
	return p
}
