package collect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/klauspost/compress/zstd"
)

// maxLogPage bounds a page that is read into memory. (API reference, FilterLogEvents: up to 1 MB
// of events; what encloses and escapes them comes on top.)
const maxLogPage = 64 << 20

// rawPages takes the events out of answers of FilterLogEvents before the SDK decodes them. One
// belongs to one chain of pages, whose next page is asked for when the last is done with.
type rawPages struct {
	body bytes.Buffer
	page scannedPage
	got  bool // the last answer was scanned: the SDK saw its token alone
}

// ask is FilterLogEvents whose answer's events are in page, if got.
func (p *rawPages) ask(c *cloudwatchlogs.Client) func(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return func(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
		p.got = false
		return c.FilterLogEvents(ctx, in, func(o *cloudwatchlogs.Options) {
			o.APIOptions = append(o.APIOptions[:len(o.APIOptions):len(o.APIOptions)], p.install)
		})
	}
}

// install puts it between the wire and the SDK's decoder.
func (p *rawPages) install(stack *middleware.Stack) error {
	return stack.Deserialize.Insert(middleware.DeserializeMiddlewareFunc("FreezeframePage", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		p.got = false
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || resp.StatusCode != 200 {
			return out, meta, err
		}
		p.body.Reset()
		if n, err := p.body.ReadFrom(io.LimitReader(resp.Body, maxLogPage+1)); err != nil || n > maxLogPage {
			if err == nil {
				err = fmt.Errorf("a page of log events is larger than %d bytes", maxLogPage)
			}
			return out, meta, &smithy.DeserializationError{Err: err}
		}
		page, serr := scanPage(p.body.Bytes(), p.page.lines[:0])
		rest := p.body.Bytes()
		if p.page = page; serr == nil {
			p.got, rest = true, []byte("{}")
			if page.token != "" {
				rest = append(appendText([]byte("{"), "nextToken", &page.token), '}')
			}
		}
		resp.Body = &restOf{bytes.NewReader(rest), resp.Body}
		return out, meta, nil
	}), "OperationDeserializer", middleware.After)
}

// logTools are what the artefacts of a group use one after another: both have large buffers.
type logTools struct{ raws, zips sync.Pool }

func (t *logTools) pages() *rawPages {
	if p, ok := t.raws.Get().(*rawPages); ok {
		return p
	}
	return &rawPages{}
}

// compressor is to be put back when it is closed.
func (t *logTools) compressor(out io.Writer) (*zstd.Encoder, error) {
	if z, ok := t.zips.Get().(*zstd.Encoder); ok {
		z.Reset(out)
		return z, nil
	}
	return zstdWriter(out)
}

// restOf is what is left of an answer's body.
type restOf struct {
	*bytes.Reader
	io.Closer
}
