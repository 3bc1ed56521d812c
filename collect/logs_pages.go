package collect

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"
)

// eventPages reads the pages of FilterLogEvents that hold events, of one list of streams
// after the other.
type eventPages struct {
	j     *Job
	c     *cloudwatchlogs.Client
	group string
	names [][]string // still to be read; a nil list is the whole group

	raw  *rawPages
	in   *cloudwatchlogs.FilterLogEventsInput // of the list being read
	seen tokens
	list int      // pages of that list
	read int      // pages, of all lists
	cut  error    // why the next page is not asked for
	gone []string // streams that were listed and are not there any more
	at   stamp    // of the first call, or of the one that failed
}

// next is the next page with events in it, one a line, nil at the end.
func (p *eventPages) next(ctx context.Context) ([]byte, error) {
	for empty := 0; empty < emptyPages; empty++ {
		if err := p.cut; err != nil {
			p.cut = nil
			return nil, afterPages(p.read, err)
		}
		if p.in == nil && !p.open() {
			return nil, p.end()
		}
		out, at, err := ask(ctx, p.j, p.raw.ask(p.c), p.in)
		if err != nil && p.missing(err) {
			continue
		}
		if err != nil || p.at.started.IsZero() {
			p.at = at
		}
		if err != nil {
			return nil, afterPages(p.read, err)
		}
		p.read, p.list = p.read+1, p.list+1
		p.turn(out.NextToken)
		switch {
		case p.raw.got && p.raw.page.events > 0:
			return p.raw.page.lines, nil
		case !p.raw.got && len(out.Events) > 0:
			p.raw.page.lines = appendEvents(p.raw.page.lines[:0], out.Events, "eventId")
			return p.raw.page.lines, nil
		}
	}
	return nil, fmt.Errorf("%d pages without events one after another: the stream does not end", emptyPages)
}

// turn takes the token of the next page. Why there is none to be asked for is told after the
// events that came with it.
func (p *eventPages) turn(token *string) {
	if p.in.NextToken = token; aws.ToString(token) == "" {
		p.in = nil
		return
	}
	if p.seen.repeats(*token) {
		p.cut = errLoop
	} else {
		p.cut = p.j.goesOn(p.list, *token)
	}
	if p.cut != nil {
		p.in, p.names = nil, nil
	}
}

func (p *eventPages) stamp() stamp { return p.at }

// open begins with the next list of streams.
func (p *eventPages) open() bool {
	if len(p.names) == 0 {
		return false
	}
	r := p.j.run
	p.in, p.seen = &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(p.group), LogStreamNames: p.names[0],
		StartTime: aws.Int64(r.since.UnixMilli()), EndTime: aws.Int64(r.until.UnixMilli()),
	}, tokens{}
	p.names, p.list = p.names[1:], 0
	return true
}

// missing says whether a call failed because a stream of several was deleted since it was
// listed: then they are asked for one by one.
func (p *eventPages) missing(err error) bool {
	_, text := classify(err)
	if !strings.HasPrefix(text, "ResourceNotFound") || p.in.NextToken != nil || len(p.in.LogStreamNames) == 0 {
		return false
	}
	names := p.in.LogStreamNames
	if len(names) == 1 && len(p.names) == 0 && len(p.gone) == 0 && p.at.started.IsZero() {
		return false // it is all that was asked for
	}
	p.in = nil
	if len(names) == 1 {
		p.gone = append(p.gone, names[0])
		return true
	}
	var single [][]string
	for _, name := range names {
		single = append(single, []string{name})
	}
	p.names = append(single, p.names...)
	return true
}

// end is nil, or says which streams are missing.
func (p *eventPages) end() error {
	if len(p.gone) == 0 {
		return nil
	}
	gone := p.gone
	p.gone = nil
	return fmt.Errorf("%d log streams were listed and are not there any more, among them %q", len(gone), gone[0])
}

// appendEvents appends events, one a line, as encoder.document would write them: by far the
// most lines of a case are these, and reflection takes ten times as long.
func appendEvents(b []byte, events []types.FilteredLogEvent, id string) []byte {
	for i := range events {
		e := &events[i]
		b = appendText(append(b, '{'), id, e.EventId)
		b = appendNumber(b, "ingestionTime", e.IngestionTime)
		b = appendText(b, "logStreamName", e.LogStreamName)
		b = appendText(b, "message", e.Message)
		b = append(appendNumber(b, "timestamp", e.Timestamp), '}', '\n')
	}
	return b
}

func appendText(b []byte, name string, v *string) []byte {
	if v == nil {
		return b
	}
	// Its error is of invalid UTF-8, which it replaced, as encoding/json does.
	b, _ = jsontext.AppendQuote(appendName(b, name), *v)
	return b
}

func appendNumber(b []byte, name string, v *int64) []byte {
	if v == nil {
		return b
	}
	return strconv.AppendInt(appendName(b, name), *v, 10)
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// zstdWriter compresses with a window of 1 MiB, so that many may be open at once.
func zstdWriter(out io.Writer) (*zstd.Encoder, error) {
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("beginning to compress: %w", err)
	}
	return z, nil
}
