package awssim

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// query is AWS's query protocol: a form with Action and Version, answers in
// XML. IAM and STS. Parameters that the operation does not know are ignored, as
// IAM and STS ignore them.
type query struct{}

func (query) decode(op *factOp, r *request) (fields, error) {
	if op.in == nil {
		return fields{}, nil
	}
	form, err := queryForm(r)
	if err != nil {
		return nil, err
	}
	root := &paramNode{}
	for k, v := range form {
		if len(v) > 0 {
			root.put(strings.Split(k, "."), v[0])
		}
	}
	return root.structure(op.in)
}

// queryForm is the form of the body, or of the URL for GET.
func queryForm(r *request) (url.Values, error) {
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return nil, &malformedError{"the form cannot be read: " + err.Error()}
	}
	for k, v := range r.http.URL.Query() {
		if _, ok := form[k]; !ok {
			form[k] = v
		}
	}
	return form, nil
}

// paramNode is the tree in names such as Tags.member.1.Key.
type paramNode struct {
	value string
	set   bool
	kids  map[string]*paramNode
}

const maxParamDepth = 16

func (n *paramNode) put(path []string, value string) {
	if len(path) > maxParamDepth {
		return
	}
	for _, p := range path {
		if n.kids == nil {
			n.kids = map[string]*paramNode{}
		}
		if n.kids[p] == nil {
			n.kids[p] = &paramNode{}
		}
		n = n.kids[p]
	}
	n.value, n.set = value, true
}

func (n *paramNode) structure(sh *shape) (fields, error) {
	out := fields{}
	for _, m := range sh.members {
		kid := n.kids[jsonName(m)]
		if kid == nil {
			continue
		}
		v, err := kid.decode(m)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[m.name] = v
		}
	}
	return out, nil
}

func (n *paramNode) decode(m *member) (any, error) {
	switch m.shape.kind {
	case "struct":
		return n.structure(m.shape)
	case "list":
		return n.list(m)
	case "map":
		return n.dict(m)
	}
	if !n.set {
		return nil, &typeError{fmt.Sprintf("Unexpected complex element termination in %s", m.name)}
	}
	if n.value == "" && m.shape.kind != "string" && m.shape.kind != "blob" {
		return nil, nil
	}
	return textValue(m, n.value, tsISO)
}

// list reads Name.member.N, or Name.N of a flattened one. Name= alone is an
// empty list.
func (n *paramNode) list(m *member) (any, error) {
	items := n
	if !m.flat && !m.shape.flat {
		items = n.kids[firstOf([]string{m.shape.elem.xmlName, "member"})]
	}
	out := []any{}
	if items == nil {
		return out, nil
	}
	for i := 1; ; i++ {
		kid := items.kids[strconv.Itoa(i)]
		if kid == nil {
			return out, nil
		}
		v, err := kid.decode(m.shape.elem)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out = append(out, v)
		}
	}
}

func (n *paramNode) dict(m *member) (any, error) {
	entries := n
	if !m.flat && !m.shape.flat {
		entries = n.kids["entry"]
	}
	out := dict{}
	if entries == nil {
		return out, nil
	}
	key, value := firstOf([]string{m.shape.key.xmlName, "key"}), firstOf([]string{m.shape.elem.xmlName, "value"})
	for i := 1; ; i++ {
		kid := entries.kids[strconv.Itoa(i)]
		if kid == nil {
			return out, nil
		}
		if kid.kids[key] == nil || kid.kids[value] == nil {
			continue
		}
		v, err := kid.kids[value].decode(m.shape.elem)
		if err != nil {
			return nil, err
		}
		out[kid.kids[key].value] = v
	}
}

func (query) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "text/xml")
	r.header.Set("X-Amzn-Requestid", id)
	x := &xmlWriter{}
	x.open(op.name+"Response", ` xmlns="`+op.service.xmlns+`"`)
	if op.out != nil {
		wrapper := firstOf([]string{op.wrapper, op.name + "Result"})
		x.open(wrapper, "")
		x.members(op.out, out)
		x.close(wrapper)
	}
	x.open("ResponseMetadata", "")
	x.element("RequestId", "", id)
	x.close("ResponseMetadata")
	x.close(op.name + "Response")
	r.body = x.b
	return r, nil
}

func (query) fault(s *factService, op *factOp, e *apiError, id string) *response {
	sh := s.errorShape(e.Code)
	status := faultStatus(sh, e, 400)
	code := e.Code
	if sh != nil && sh.code != "" {
		code = sh.code // the shape's name is the SDK's, the code is the wire's
	}
	r := newResponse(status, "text/xml")
	r.header.Set("X-Amzn-Requestid", id)
	x := &xmlWriter{}
	x.open("ErrorResponse", ` xmlns="`+s.xmlns+`"`)
	x.open("Error", "")
	x.element("Type", "", map[bool]string{true: "Receiver", false: "Sender"}[status >= 500])
	x.element("Code", "", code)
	x.element("Message", "", e.Message)
	x.close("Error")
	x.element("RequestId", "", id)
	x.close("ErrorResponse")
	r.body = x.b
	return r
}
