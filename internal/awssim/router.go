package awssim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// router finds a REST operation by method, path template, literal query
// parameters, and (S3 tells PutObject from UploadPart only so) by the query
// parameters and headers that an operation requires.
type router struct{ routes []*restRoute }

type restRoute struct {
	op       *factOp
	segments []string // literal, {Label} or {Label+}
	query    url.Values
	need     []*member
	literals int
}

func newRouter(s *factService) *router {
	r := &router{}
	if !slices.Contains(s.protocols, "rest-json") && !slices.Contains(s.protocols, "rest-xml") {
		return r
	}
	for _, op := range s.ops {
		path, rawQuery, _ := strings.Cut(op.path, "?")
		q, _ := url.ParseQuery(rawQuery)
		rt := &restRoute{op: op, segments: segmentsOf(path), query: q}
		for _, seg := range rt.segments {
			if seg[0] != '{' {
				rt.literals++
			}
		}
		if op.in != nil {
			for _, m := range op.in.members {
				if m.required && (m.loc == "query" || m.loc == "header") {
					rt.need = append(rt.need, m)
				}
			}
		}
		r.routes = append(r.routes, rt)
	}
	slices.SortFunc(r.routes, func(a, b *restRoute) int { return strings.Compare(a.op.name, b.op.name) })
	return r
}

func segmentsOf(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// find is the operation with the most specific template that fits, and the
// labels of its path.
func (r *router) find(req *http.Request, escapedPath string) (*factOp, map[string]string) {
	var best *factOp
	var labels map[string]string
	top := -1
	q := req.URL.Query()
	for _, rt := range r.routes {
		l, ok := rt.match(req, q, escapedPath)
		if !ok {
			continue
		}
		score := rt.literals*100 + len(rt.query)*10 + len(rt.need)*2
		if rt.op.simulated {
			score++ // of two that look the same, the one that is there
		}
		if score > top {
			best, labels, top = rt.op, l, score
		}
	}
	return best, labels
}

func (rt *restRoute) match(req *http.Request, q url.Values, path string) (map[string]string, bool) {
	if rt.op.method != req.Method {
		return nil, false
	}
	for k, want := range rt.query {
		if have, ok := q[k]; !ok || want[0] != "" && have[0] != want[0] {
			return nil, false
		}
	}
	for _, m := range rt.need {
		if m.loc == "query" && !q.Has(m.wire) || m.loc == "header" && req.Header.Get(m.wire) == "" {
			return nil, false
		}
	}
	return matchPath(rt.segments, strings.TrimPrefix(path, "/"))
}

func matchPath(segments []string, rest string) (map[string]string, bool) {
	labels := map[string]string{}
	for _, seg := range segments {
		if rest == "" {
			return nil, false
		}
		if seg[0] != '{' {
			var head string
			if head, rest, _ = strings.Cut(rest, "/"); head != seg {
				return nil, false
			}
			continue
		}
		name, greedy := strings.CutSuffix(seg[1:len(seg)-1], "+")
		head, tail := rest, ""
		if !greedy {
			head, tail, _ = strings.Cut(rest, "/")
		}
		value, err := url.PathUnescape(head)
		if err != nil || value == "" {
			return nil, false
		}
		labels[name], rest = value, tail
	}
	return labels, strings.Trim(rest, "/") == ""
}
