package awssim

import "encoding/xml"

// plainXML is REST with XML bodies as other services than S3 speak it: errors as in the query
// protocol, the root element named after the payload, the namespace after the API's version.
type plainXML struct{ restXML }

func (plainXML) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "")
	r.header.Set("X-Amzn-Requestid", id)
	if op.out == nil {
		return r, nil
	}
	encodeOutside(r, op.out, out, true)
	m := op.out.byName[op.out.payload]
	body, ok := out[op.out.payload].(fields)
	if m == nil || !ok {
		return r, nil
	}
	x := &xmlWriter{milli: true}
	x.b = append(x.b, xml.Header...)
	root := firstOf([]string{m.xmlName, m.shape.xmlName, m.shape.name})
	x.open(root, ` xmlns="`+plainNamespace(op.service)+`"`)
	x.members(m.shape, body)
	x.close(root)
	r.header.Set("Content-Type", "text/xml")
	r.body = x.b
	return r, nil
}

// plainNamespace: CloudFront's answers carry it, its model does not (CloudFront API
// reference, the samples of its operations).
func plainNamespace(s *factService) string {
	return "http://" + s.name + ".amazonaws.com/doc/" + s.version + "/"
}

func (plainXML) fault(s *factService, op *factOp, e *apiError, id string) *response {
	named := *s
	named.xmlns = plainNamespace(s)
	return query{}.fault(&named, op, e, id)
}
