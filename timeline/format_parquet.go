package timeline

import (
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// parquetFormat writes columns named like those of AWS's CloudTrail table for Athena, and
// behind them what the timeline adds. It streams: memory holds one row group.
func parquetFormat() Format {
	return Format{Name: "parquet", About: "columns for Athena, DuckDB and pandas; wants --out FILE", Ext: ".parquet", Binary: true,
		New: func(w io.Writer, _ Options) EventWriter {
			p := &parquetWriter{batch: make([]parquetRow, 0, batchRows)}
			p.w = parquet.NewGenericWriter[parquetRow](w,
				parquet.CreatedBy("freezeframe", "1.0.0", "timeline"), // not the version of this build: the same evidence gives the same bytes
				parquet.KeyValueMetadata("freezeframe.schema", Schema),
				parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
				parquet.PageBufferSize(64<<10), // for each of the columns
				parquet.DictionaryMaxBytes(256<<10))
			return p
		}}
}

// A row group is written out at this size of text or number of rows: events are up to 100 kB.
const (
	groupBytes = 16 << 20
	groupRows  = 100_000
)

// batchRows are handed to the writer at once: it visits every column each time.
const batchRows = 64

type parquetWriter struct {
	w     *parquet.GenericWriter[parquetRow]
	batch []parquetRow // with room for batchRows
	texts []byte       // of the batch: an event's own are good until the next event
	m     members
	bytes int // of text in the row group
	rows  int
}

// parquetRow is one event. Texts are NULL where an event lacks them. What the request and
// the answer said of the change stands in detail, as JSON with the names of a jsonl line.
type parquetRow struct {
	EventTime   int64           `parquet:"eventtime,timestamp(microsecond)"`
	EventSource string          `parquet:"eventsource,optional,dict"`
	EventName   string          `parquet:"eventname,optional,dict"` // as logged
	AWSRegion   string          `parquet:"awsregion,optional,dict"`
	Address     string          `parquet:"sourceipaddress,optional,dict"`
	UserAgent   string          `parquet:"useragent,optional,dict"`
	ErrorCode   string          `parquet:"errorcode,optional,dict"`
	ErrorText   string          `parquet:"errormessage,optional"`
	Identity    parquetIdentity `parquet:"useridentity"`
	RequestID   string          `parquet:"requestid,optional"`
	EventID     string          `parquet:"eventid,optional"`
	SharedID    string          `parquet:"sharedeventid,optional"`
	ReadOnly    bool            `parquet:"readonly"`
	Recipient   string          `parquet:"recipientaccountid,optional,dict"`
	VPCE        string          `parquet:"vpcendpointid,optional,dict"`
	Category    string          `parquet:"eventcategory,optional,dict"`
	Resources   []string        `parquet:"resources,list"`

	Kind      string   `parquet:"kind,dict"`
	Source    string   `parquet:"source,optional,dict"`
	TimeDesc  string   `parquet:"timestamp_desc,optional,dict"`
	Message   string   `parquet:"message,optional"`
	Outcome   string   `parquet:"outcome,optional,dict"`
	Principal string   `parquet:"principal,optional,dict"`
	Service   string   `parquet:"service,optional,dict"`
	Action    string   `parquet:"action,optional,dict"`
	Function  string   `parquet:"function,optional,dict"`
	Qualifier string   `parquet:"qualifier,optional,dict"`
	IssuedTo  string   `parquet:"issued_to_function,optional,dict"`
	InLambda  bool     `parquet:"lambda_marker"`
	Tags      []string `parquet:"tags,list"`
	Detail    string   `parquet:"detail,optional"` // a text: parquet-go 0.32 panics on optional columns of type JSON
	LinkedTo  string   `parquet:"linked_to,optional"`
	Copies    int64    `parquet:"copies"`
	Repeats   int64    `parquet:"repeats"`
	Until     *int64   `parquet:"until,optional,timestamp(microsecond)"`
	LastID    string   `parquet:"last_event_id,optional"`
	RawBag    string   `parquet:"raw_bag,optional,dict"`
	RawItem   string   `parquet:"raw_item,optional,dict"`
	RawPath   string   `parquet:"raw_path,optional,dict"`
	RawSHA256 string   `parquet:"raw_sha256,optional,dict"`
	RawLine   int64    `parquet:"raw_line"`
	RawOffset int64    `parquet:"raw_offset"`
}

type parquetIdentity struct {
	Type        string         `parquet:"type,optional,dict"`
	PrincipalID string         `parquet:"principalid,optional,dict"`
	ARN         string         `parquet:"arn,optional,dict"`
	AccountID   string         `parquet:"accountid,optional,dict"`
	InvokedBy   string         `parquet:"invokedby,optional,dict"`
	AccessKeyID string         `parquet:"accesskeyid,optional,dict"`
	UserName    string         `parquet:"username,optional,dict"`
	Session     parquetSession `parquet:"sessioncontext"`
}

type parquetSession struct {
	Attributes struct {
		Created *int64 `parquet:"creationdate,timestamp(microsecond)"`
	} `parquet:"attributes"`
	Issuer struct {
		ARN string `parquet:"arn,optional,dict"`
	} `parquet:"sessionissuer"`
	Name string `parquet:"sessionname,optional,dict"` // not in AWS's table: the end of the ARN
}

func (p *parquetWriter) Event(e *Event) error {
	p.batch = p.batch[:len(p.batch)+1]
	p.fill(&p.batch[len(p.batch)-1], e)
	p.rows++
	full := p.rows >= groupRows || p.bytes >= groupBytes
	if len(p.batch) < batchRows && !full {
		return nil
	}
	if err := p.hand(); err != nil || !full {
		return err
	}
	p.rows, p.bytes = 0, 0
	return p.w.Flush()
}

// hand gives the batch to the writer.
func (p *parquetWriter) hand() error {
	_, err := p.w.Write(p.batch)
	p.batch, p.texts = p.batch[:0], p.texts[:0]
	return err
}

func (p *parquetWriter) Close() error { return errors.Join(p.hand(), p.w.Close()) }

// text is what goes into a column, counted, and kept until the batch is handed on.
func (p *parquetWriter) text(s string) string {
	p.bytes += len(s)
	from := len(p.texts)
	p.texts = append(p.texts, utf8Text(s)...)
	return view(p.texts[from:])
}

func (p *parquetWriter) fill(r *parquetRow, e *Event) {
	resources, tags := r.Resources[:0], r.Tags[:0]
	for _, v := range e.Resources {
		resources = append(resources, p.text(v))
	}
	for _, v := range e.Tags {
		tags = append(tags, p.text(v))
	}
	t := p.text
	*r = parquetRow{
		EventTime: e.Time.UnixMicro(), EventSource: t(ocsfService(e)), EventName: t(orElse(e.RawAction, e.Action)), AWSRegion: t(e.Region),
		Address: t(e.Address), UserAgent: t(e.UserAgent), ErrorCode: t(e.ErrorCode), ErrorText: t(e.ErrorText),
		Identity: p.identity(e), RequestID: t(e.RequestID), EventID: t(e.ID), SharedID: t(e.SharedID), ReadOnly: e.ReadOnly,
		Recipient: t(e.Account), VPCE: t(e.VPCE), Category: t(e.Category), Resources: resources,
		Kind: t(string(e.Kind)), Source: t(e.Source), TimeDesc: t(e.TimestampDesc), Message: t(e.Message), Outcome: t(string(e.Outcome)),
		Principal: t(e.Principal.String()), Service: t(e.Service), Action: t(e.Action), Function: t(e.Function), Qualifier: t(e.Qualifier),
		IssuedTo: t(e.Principal.Function), InLambda: e.InLambda, Tags: tags, Detail: p.detail(e), LinkedTo: t(e.LinkedTo), Copies: int64(e.AlsoSeen), Repeats: e.Repeats, Until: parquetTime(e.Until), LastID: t(e.LastID),
		RawBag: t(e.Raw.Bag), RawItem: t(e.Raw.Item), RawPath: t(e.Raw.Path), RawSHA256: t(e.Raw.SHA256), RawLine: e.Raw.Line, RawOffset: e.Raw.Offset,
	}
}

func parquetTime(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.UnixMicro()
	return &at
}

func (p *parquetWriter) identity(e *Event) parquetIdentity {
	who, t := &e.Principal, p.text
	id := parquetIdentity{Type: t(who.Type), PrincipalID: t(who.ID), ARN: t(who.ARN), AccountID: t(who.Account), InvokedBy: t(who.Via), AccessKeyID: t(e.AccessKey), UserName: t(who.Name)}
	id.Session.Issuer.ARN, id.Session.Name = t(who.Role), t(who.Session)
	id.Session.Attributes.Created = parquetTime(who.Created)
	return id
}

// detail is the change, "" where there is none.
func (p *parquetWriter) detail(e *Event) string {
	if e.Change == (Change{}) {
		return ""
	}
	p.m.open()
	for _, f := range changeFields() {
		f.put(&p.m, e)
	}
	p.bytes += len(p.m.b)
	return string(append(p.m.b, '}'))
}

// utf8Text replaces each byte that is no UTF-8, as JSON does: readers of Parquet refuse a
// whole file for one of them.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // ranging gives U+FFFD for each such byte
		b.WriteRune(r)
	}
	return b.String()
}
