package awssim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// restXML is REST with XML bodies: S3. Elements that the shape does not know are
// refused, as S3 checks bodies against its schema; unknown headers and query
// parameters are ignored.
type restXML struct{}

func (restXML) decode(op *factOp, r *request) (fields, error) {
	if op.in == nil {
		return fields{}, nil
	}
	out, err := decodeOutside(op.in, r)
	if err != nil {
		return nil, err
	}
	m := op.payload
	switch {
	case m == nil:
		return out, nil
	case m.shape.kind == "blob" && r.stream != nil:
		out[m.name] = r.stream
	case m.shape.kind == "blob":
		out[m.name] = r.body
	case m.shape.kind == "string":
		out[m.name] = string(r.body)
	case len(bytes.TrimSpace(r.body)) > 0:
		v, err := decodeXML(m, r.body)
		if err != nil {
			return nil, err
		}
		out[m.name] = v
	}
	return out, nil
}

func decodeXML(m *member, body []byte) (any, error) {
	root, err := parseXML(body)
	if err != nil {
		return nil, &malformedError{err.Error()}
	}
	if want := firstOf([]string{m.xmlName, m.shape.xmlName, m.shape.name}); root.name != want {
		return nil, &malformedError{fmt.Sprintf("the body is a %s, not a %s", root.name, want)}
	}
	return root.decode(m.shape, m)
}

// xmlNode is an element.
type xmlNode struct {
	name  string
	attrs map[string]string // by local name
	kids  []*xmlNode
	text  strings.Builder
}

const maxXMLDepth = 32

func parseXML(body []byte) (*xmlNode, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	top := &xmlNode{}
	stack := []*xmlNode{top}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &xmlNode{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			at.kids = append(at.kids, n)
			if stack = append(stack, n); len(stack) > maxXMLDepth {
				return nil, fmt.Errorf("elements nested deeper than %d", maxXMLDepth)
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			at.text.Write(t)
		case xml.Directive:
			return nil, fmt.Errorf("directives are not taken")
		}
	}
	if len(top.kids) != 1 {
		return nil, fmt.Errorf("a document has one root element")
	}
	return top.kids[0], nil
}

func (n *xmlNode) decode(sh *shape, m *member) (any, error) {
	switch sh.kind {
	case "struct":
		return n.structure(sh)
	case "list":
		name := firstOf([]string{sh.elem.xmlName, "member"})
		out := []any{}
		for _, k := range n.kids {
			if k.name != name {
				return nil, unknownElement(k.name)
			}
			v, err := k.decode(sh.elem.shape, sh.elem)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "map":
		return nil, &malformedError{"a map in XML is not taken"} // no S3 input has one
	}
	if len(n.kids) > 0 {
		return nil, unknownElement(n.kids[0].name)
	}
	text := n.text.String()
	if sh.kind != "string" {
		text = strings.TrimSpace(text)
	}
	return textValue(m, text, tsISO)
}

func unknownElement(name string) error {
	return &malformedError{"element " + name + " is not expected here"}
}

func (n *xmlNode) structure(sh *shape) (any, error) {
	out := fields{}
	for _, m := range sh.members {
		if m.attr {
			_, local, _ := strings.Cut(m.xmlName, ":")
			if v, ok := n.attrs[local]; ok {
				out[m.name] = v
			}
		}
	}
	for _, k := range n.kids {
		m := memberOfElement(sh, k.name)
		if m == nil {
			return nil, unknownElement(k.name)
		}
		if flatList(m) {
			v, err := k.decode(m.shape.elem.shape, m.shape.elem)
			if err != nil {
				return nil, err
			}
			list, _ := out[m.name].([]any)
			out[m.name] = append(list, v)
			continue
		}
		if _, twice := out[m.name]; twice {
			return nil, unknownElement(k.name)
		}
		v, err := k.decode(m.shape, m)
		if err != nil {
			return nil, err
		}
		out[m.name] = v
	}
	return out, nil
}

func flatList(m *member) bool { return m.shape.kind == "list" && (m.flat || m.shape.flat) }

// elementName is what a member is called in XML. The items of a flattened list
// take the item's name where there is one.
func elementName(m *member) string {
	if flatList(m) && m.shape.elem.xmlName != "" {
		return m.shape.elem.xmlName
	}
	return jsonName(m)
}

func memberOfElement(sh *shape, name string) *member {
	for _, m := range sh.members {
		if m.loc == "" && !m.attr && elementName(m) == name {
			return m
		}
	}
	return nil
}

// xmlWriter writes trees as XML.
type xmlWriter struct {
	b     []byte
	milli bool // timestamps with milliseconds, as S3 writes them
}

func (x *xmlWriter) open(name, attrs string) {
	x.b = append(append(append(append(x.b, '<'), name...), attrs...), '>')
}

func (x *xmlWriter) close(name string) { x.b = append(append(append(x.b, "</"...), name...), '>') }

func (x *xmlWriter) element(name, attrs, text string) {
	x.open(name, attrs)
	var e bytes.Buffer
	_ = xml.EscapeText(&e, []byte(text)) // a bytes.Buffer takes all
	x.b = append(x.b, e.Bytes()...)
	x.close(name)
}

// members writes what of a struct is an element, in the shape's order.
func (x *xmlWriter) members(sh *shape, v fields) {
	for _, m := range sh.members {
		if e, ok := v[m.name]; ok && m.loc == "" && !m.attr {
			x.member(m, e)
		}
	}
}

func (x *xmlWriter) member(m *member, v any) {
	if list, ok := v.([]any); ok && flatList(m) {
		for _, e := range list {
			x.value(elementName(m), m.shape.elem, e)
		}
		return
	}
	x.value(elementName(m), m, v)
}

func (x *xmlWriter) value(name string, m *member, v any) {
	switch v := v.(type) {
	case fields:
		x.open(name, attributes(m.shape, v))
		x.members(m.shape, v)
		x.close(name)
	case []any:
		x.open(name, "")
		for _, e := range v {
			x.value(firstOf([]string{m.shape.elem.xmlName, "member"}), m.shape.elem, e)
		}
		x.close(name)
	case dict:
		x.open(name, "")
		for _, k := range sortedKeys(v) {
			x.open("entry", "")
			x.element(firstOf([]string{m.shape.key.xmlName, "key"}), "", k)
			x.value(firstOf([]string{m.shape.elem.xmlName, "value"}), m.shape.elem, v[k])
			x.close("entry")
		}
		x.close(name)
	case time.Time:
		x.element(name, "", formatTime(v, x.milli, m.ts, m.shape.ts, tsISO))
	default:
		x.element(name, "", textOf(v, x.milli))
	}
}

// attributes of an element: S3's Grantee says its type in one.
func attributes(sh *shape, v fields) string {
	var b strings.Builder
	for _, m := range sh.members {
		if s, ok := v[m.name].(string); ok && m.attr {
			if prefix, _, ok := strings.Cut(m.xmlName, ":"); ok && prefix == "xsi" {
				b.WriteString(` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`)
			}
			b.WriteString(" " + m.xmlName + `="`)
			_ = xml.EscapeText(&b, []byte(s))
			b.WriteByte('"')
		}
	}
	return b.String()
}

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

func (p restXML) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "")
	s3Headers(r, id)
	if op.out == nil {
		if op.method == http.MethodDelete {
			r.status = http.StatusNoContent // the model gives S3's status for none of them
		}
		return r, nil
	}
	encodeOutside(r, op.out, out, true)
	if out["ContentRange"] != nil { // GetObject and HeadObject
		r.status = http.StatusPartialContent
	}
	if op.method == http.MethodDelete {
		r.status = http.StatusNoContent
		return r, nil
	}
	if op.method == http.MethodHead {
		return r, nil
	}
	p.body(r, op, out)
	return r, nil
}

func (restXML) body(r *response, op *factOp, out fields) {
	x := &xmlWriter{milli: true}
	x.b = append(x.b, xml.Header...)
	xmlns := ` xmlns="` + s3Namespace + `"`
	if p := op.out.payload; p != "" {
		m := op.out.byName[p]
		v, ok := out[p]
		if !ok || rawPayload(r, m, v) {
			return
		}
		body, _ := v.(fields)
		root := firstOf([]string{m.xmlName, m.shape.xmlName, m.shape.name})
		x.open(root, xmlns)
		x.members(m.shape, body)
		x.close(root)
	} else if op.name == "GetBucketLocation" { // its answer is the bare value
		text, _ := out["LocationConstraint"].(string)
		x.element("LocationConstraint", xmlns, text)
	} else {
		if len(bodyMembers(op.out)) == 0 {
			return
		}
		root := s3Root(op.name)
		x.open(root, xmlns)
		x.members(op.out, out)
		x.close(root)
	}
	r.header.Set("Content-Type", "application/xml")
	r.body = x.b
}

// s3Root is the root element of an answer; the shapes do not carry it.
func s3Root(op string) string {
	named := map[string]string{
		"ListBuckets": "ListAllMyBucketsResult", "ListObjects": "ListBucketResult", "ListObjectsV2": "ListBucketResult",
		"ListObjectVersions": "ListVersionsResult", "ListParts": "ListPartsResult", "ListMultipartUploads": "ListMultipartUploadsResult",
		"CreateMultipartUpload": "InitiateMultipartUploadResult", "CompleteMultipartUpload": "CompleteMultipartUploadResult",
		"DeleteObjects": "DeleteResult", "GetBucketVersioning": "VersioningConfiguration", "GetBucketTagging": "Tagging",
		"GetObjectTagging": "Tagging", "GetBucketAcl": "AccessControlPolicy", "GetObjectAcl": "AccessControlPolicy",
		"GetBucketNotificationConfiguration": "NotificationConfiguration", "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
		"GetBucketCors": "CORSConfiguration", "GetBucketLogging": "BucketLoggingStatus", "GetBucketWebsite": "WebsiteConfiguration",
		"GetObjectAttributes": "GetObjectAttributesResponse",
	}
	if n := named[op]; n != "" {
		return n
	}
	return op + "Result"
}

func s3Headers(r *response, id string) {
	r.header.Set("X-Amz-Request-Id", s3RequestID(id))
	r.header.Set("X-Amz-Id-2", "ff"+strings.ReplaceAll(id, "-", "")+"ZnJlZXplZnJhbWU=")
	r.header.Set("Server", "AmazonS3")
}

// s3RequestID is S3's form of a request id: 16 characters in upper case.
func s3RequestID(id string) string {
	id = strings.ToUpper(strings.ReplaceAll(id, "-", ""))
	if len(id) > 16 {
		id = id[:16]
	}
	return id
}

func (restXML) fault(s *factService, op *factOp, e *apiError, id string) *response {
	r := newResponse(s3Status(s.errorShape(e.Code), e), "application/xml")
	s3Headers(r, id)
	if r.status == http.StatusNotModified || op != nil && op.method == http.MethodHead {
		r.header.Del("Content-Type") // no body: clients see the status alone
		return r
	}
	x := &xmlWriter{}
	x.b = append(x.b, xml.Header...)
	x.open("Error", "")
	x.element("Code", "", e.Code)
	x.element("Message", "", e.Message)
	names := make([]string, 0, len(e.Fields))
	for k := range e.Fields {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		x.element(k, "", fmt.Sprint(e.Fields[k]))
	}
	x.element("RequestId", "", r.header.Get("X-Amz-Request-Id"))
	x.element("HostId", "", r.header.Get("X-Amz-Id-2"))
	x.close("Error")
	r.body = x.b
	return r
}

// s3Status is the status of S3's documented error codes (the model names few of
// them): "Error responses", Amazon S3 API reference.
func s3Status(sh *shape, e *apiError) int {
	status := map[string]int{
		"AccessDenied": 403, "AccountProblem": 403, "AllAccessDisabled": 403, "InvalidAccessKeyId": 403, "InvalidObjectState": 403,
		"NotSignedUp": 403, "RequestTimeTooSkewed": 403, "SignatureDoesNotMatch": 403, "InvalidSecurity": 403,
		"NoSuchBucket": 404, "NoSuchBucketPolicy": 404, "NoSuchKey": 404, "NoSuchLifecycleConfiguration": 404, "NoSuchUpload": 404,
		"NoSuchVersion": 404, "NoSuchTagSet": 404, "NoSuchCORSConfiguration": 404, "NoSuchPublicAccessBlockConfiguration": 404,
		"NoSuchObjectLockConfiguration": 404, "ObjectLockConfigurationNotFoundError": 404, "ReplicationConfigurationNotFoundError": 404,
		"ServerSideEncryptionConfigurationNotFoundError": 404, "NoSuchWebsiteConfiguration": 404, "OwnershipControlsNotFoundError": 404,
		"NotFound": 404, "MethodNotAllowed": 405,
		"BucketAlreadyExists": 409, "BucketAlreadyOwnedByYou": 409, "BucketNotEmpty": 409, "InvalidBucketState": 409,
		"OperationAborted": 409, "ConditionalRequestConflict": 409, "RestoreAlreadyInProgress": 409,
		"MissingContentLength": 411, "PreconditionFailed": 412, "InvalidRange": 416, "NotModified": 304,
		"InternalError": 500, "InternalFailure": 500, "NotImplemented": 501, "ServiceUnavailable": 503, "SlowDown": 503,
	}[e.Code]
	if e.Status == 0 && status != 0 {
		return status
	}
	return faultStatus(sh, e, 400)
}
