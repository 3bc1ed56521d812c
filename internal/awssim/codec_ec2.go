package awssim

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ec2Query is EC2's flavour of the query protocol: names of parameters begin with a capital,
// lists are always flattened (Filter.1.Value.2), answers have no wrapper, and errors come in
// a <Response>. Unlike IAM, EC2 refuses parameters that it does not know.
type ec2Query struct{}

func (ec2Query) decode(op *factOp, r *request) (fields, error) {
	form, err := queryForm(r)
	if err != nil {
		return nil, err
	}
	root := &paramNode{}
	for k, v := range form {
		if len(v) > 0 && k != "Action" && k != "Version" {
			root.put(strings.Split(k, "."), v[0])
		}
	}
	if op.in == nil {
		return fields{}, nil
	}
	return root.ec2Structure(op.in)
}

// ec2Name is a member's name in a request: the element's of the answer with a capital.
func ec2Name(m *member) string {
	name := jsonName(m)
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return name
	}
	return string(name[0]-'a'+'A') + name[1:]
}

func (n *paramNode) ec2Structure(sh *shape) (fields, error) {
	out, known := fields{}, map[string]bool{}
	for _, m := range sh.members {
		name := ec2Name(m)
		known[name] = true
		kid := n.kids[name]
		if kid == nil {
			continue
		}
		v, err := kid.ec2Value(m)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[m.name] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.kids)) {
		if !known[name] {
			return nil, fail("UnknownParameter", "The parameter %s is not recognized", name)
		}
	}
	return out, nil
}

// ec2Value reads lists from Name.1, Name.2, ...; EC2 has no maps.
func (n *paramNode) ec2Value(m *member) (any, error) {
	switch m.shape.kind {
	case "struct":
		return n.ec2Structure(m.shape)
	case "list":
		out := []any{}
		for i := 1; n.kids[strconv.Itoa(i)] != nil; i++ {
			v, err := n.kids[strconv.Itoa(i)].ec2Value(m.shape.elem)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out = append(out, v)
			}
		}
		if len(out) != len(n.kids) {
			return nil, fail("InvalidParameterValue", "The positions in %s are not 1, 2, 3", ec2Name(m))
		}
		return out, nil
	}
	return n.decode(m)
}

func (ec2Query) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "text/xml;charset=UTF-8")
	r.header.Set("X-Amzn-Requestid", id)
	x := &xmlWriter{milli: true}
	x.b = append(x.b, xml.Header...)
	x.open(op.name+"Response", ` xmlns="`+op.service.xmlns+`/"`)
	x.element("requestId", "", id)
	if op.out != nil {
		x.members(op.out, out)
	} else {
		x.element("return", "", "true")
	}
	x.close(op.name + "Response")
	r.body = x.b
	return r, nil
}

func (ec2Query) fault(s *factService, op *factOp, e *apiError, id string) *response {
	r := newResponse(faultStatus(nil, e, http.StatusBadRequest), "text/xml;charset=UTF-8")
	r.header.Set("X-Amzn-Requestid", id)
	x := &xmlWriter{}
	x.b = append(x.b, xml.Header...)
	for _, name := range []string{"Response", "Errors", "Error"} {
		x.open(name, "")
	}
	x.element("Code", "", e.Code)
	x.element("Message", "", e.Message)
	x.close("Error")
	x.close("Errors")
	x.element("RequestID", "", id)
	x.close("Response")
	r.body = x.b
	return r
}
