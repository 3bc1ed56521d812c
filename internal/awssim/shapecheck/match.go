package shapecheck

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var scope = regexp.MustCompile(`Credential=[^/]+/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request`)

// serviceOf reads the service from the signature's scope; "" if the request is not signed.
func serviceOf(r *http.Request) string {
	if m := scope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1]
	}
	if c := r.URL.Query().Get("X-Amz-Credential"); c != "" {
		if m := scope.FindStringSubmatch("Credential=" + c); m != nil {
			return m[1]
		}
	}
	return ""
}

// operationOf finds which operation a request is, as the protocol says it.
func (m *model) operationOf(r *http.Request, body []byte) *operation {
	switch m.Metadata.Protocol {
	case cborProtocol:
		return m.cborOperation(r)
	case "json":
		_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if strings.HasPrefix(m.Metadata.TargetPrefix, "com.amazonaws") { // the prefix has dots of its own
			name = r.Header.Get("X-Amz-Target")[strings.LastIndex(r.Header.Get("X-Amz-Target"), ".")+1:]
		}
		return m.Operations[name]
	case "query", ec2Protocol:
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil
		}
		return m.Operations[form.Get("Action")]
	}
	return m.restOperation(r)
}

// restOperation matches method, path template and the template's query literals;
// the most literal one wins.
func (m *model) restOperation(r *http.Request) *operation {
	var best *operation
	score := -1
	escaped := pathWithBucket(m, r)
	for _, op := range m.Operations {
		if op.Name == "ListDirectoryBuckets" {
			continue // GET / of another host, which nobody here is
		}
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		if op.HTTP.Method != r.Method || !literalsPresent(query, r.URL.Query()) || !m.requiredQuery(op, r) {
			continue
		}
		n, ok := matchPath(path, escaped)
		if !ok {
			continue
		}
		if query != "" {
			n += 100 * (1 + strings.Count(query, "&"))
		}
		n += m.headerScore(op, r)
		if n > score || n == score && best.Deprecated { // S3 has some under an old name too
			best, score = op, n
		}
	}
	return best
}

// pathWithBucket puts a bucket that stands in S3's host name in front of the path.
func pathWithBucket(m *model, r *http.Request) string {
	path := r.URL.EscapedPath()
	bucket, _, virtual := strings.Cut(r.Host, ".s3.")
	if m.Metadata.Protocol != "rest-xml" || !virtual {
		return path
	}
	return "/" + url.PathEscape(bucket) + path
}

func literalsPresent(query string, have url.Values) bool {
	if query == "" {
		return true
	}
	want, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	for k, v := range want {
		if _, ok := have[k]; !ok || v[0] != "" && have.Get(k) != v[0] {
			return false
		}
	}
	return true
}

// requiredQuery tells S3's UploadPart from PutObject: required members in the query must be there.
func (m *model) requiredQuery(op *operation, r *http.Request) bool {
	s := m.shape(op.Input)
	for _, name := range s.Required {
		if mem := s.Members[name]; mem.Location == "querystring" && !r.URL.Query().Has(wire(name, mem)) {
			return false
		}
	}
	return true
}

// headerScore prefers the operation whose required headers and queries are all there (CopyObject, UploadPart).
func (m *model) headerScore(op *operation, r *http.Request) int {
	s, n := m.shape(op.Input), 0
	for _, name := range s.Required {
		switch mem := s.Members[name]; mem.Location {
		case "header":
			if r.Header.Get(wire(name, mem)) == "" {
				return -1000
			}
			n += 10
		case "querystring":
			n += 10
		}
	}
	return n
}

// matchPath compares a template with an escaped path and counts literal segments.
func matchPath(template, path string) (int, bool) {
	t, p := strings.Split(strings.Trim(template, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	literal := 0
	for i, part := range t {
		switch {
		case strings.HasSuffix(part, "+}"):
			return literal, i < len(p) && p[i] != ""
		case i >= len(p):
			return 0, false
		case strings.HasPrefix(part, "{"):
			if p[i] == "" {
				return 0, false
			}
		case part == p[i]:
			literal++
		default:
			return 0, false
		}
	}
	return literal, len(t) == len(p)
}
