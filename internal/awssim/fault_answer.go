package awssim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Faults of the answer: its body breaks off, or its token leads back to where it came from.

// sameToken is what a listing that does not move on gives for the next page.
const sameToken = "freezeframe-the-same-again"

// faulty says whether a fault of a kind strikes the call.
func (k *call) faulty(kind func(Fail) bool) bool {
	return slices.ContainsFunc(k.wire.due, func(f *armedFault) bool { return kind(f.Fail) })
}

// struck notes that a fault strikes the call.
func (k *call) struck() { k.core.struck = append(k.core.struck, k.asCall("")) }

// Struck are the calls that injected faults have struck, also those that left no record.
func (c *Cloud) Struck() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.core.struck...)
}

// Asked is what was asked for, in JSON with its members in order, without the token of a
// later page: the same for all pages of one listing.
func (c Call) Asked() string {
	in := maps.Clone(c.in)
	if p := pagesOf(c.target.op); p != nil {
		delete(in, p.in)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Sprint(in) // it has a stream
	}
	return string(text)
}

// LaterPage says whether the call asked for another page than the first.
func (c Call) LaterPage() bool {
	p := pagesOf(c.target.op)
	return p != nil && c.in[p.in] != nil
}

// Paged says whether an operation ("Lambda:ListAliases") answers page by page.
func Paged(api string) bool {
	service, name, _ := strings.Cut(api, ":")
	for _, s := range facts() {
		if op := s.ops[name]; op != nil && op.simulated && strings.EqualFold(s.apiName(name), service+":"+name) {
			return pagesOf(op) != nil
		}
	}
	return false
}

// Bodiless says whether an operation answers with headers alone.
func Bodiless(api string) bool { return strings.HasPrefix(api, "S3:Head") }

// pageMembers are the members that carry a listing from page to page.
type pageMembers struct {
	in, out string
	within  string // member of the answer that holds the others; "" is the answer itself
	more    string // says whether there are more; "" where the token alone does
}

// pagesOf finds them by the names that AWS gives them, nil if there are none. AWS's own
// tables of paginators (botocore) name no others for the operations simulated here.
func pagesOf(op *factOp) *pageMembers {
	if op == nil || op.in == nil || op.out == nil {
		return nil
	}
	p := &pageMembers{}
	for _, name := range []string{"position", "nextToken", "NextToken", "Marker", "ContinuationToken"} {
		if op.in.byName[name] != nil {
			p.in = name
		}
	}
	out := op.out
	if m := out.byName["DistributionList"]; m != nil {
		p.within, out = m.name, m.shape
	}
	for _, name := range []string{"Marker", "NextMarker", "position", "nextToken", "NextToken", "NextContinuationToken"} {
		if out.byName[name] != nil {
			p.out = name
		}
	}
	for _, name := range []string{"IsTruncated", "Truncated"} {
		if out.byName[name] != nil {
			p.more = name
		}
	}
	if p.in == "" || p.out == "" {
		return nil
	}
	return p
}

// shortenPages asks for small pages in the client's stead.
func (k *call) shortenPages(in reflect.Value) {
	t := k.wire.target
	if k.cfg.PageMost == nil || pagesOf(t.op) == nil {
		return
	}
	most := int32(k.cfg.PageMost(t.service.apiName(t.opName)))
	for _, name := range []string{"MaxResults", "MaxItems", "Limit", "PageSize", "MaxRecords", "MaxKeys"} {
		switch f := in.FieldByName(name); {
		case most == 0 || !f.IsValid():
		case f.Type() == reflect.TypeFor[*int32]():
			f.Set(reflect.ValueOf(&most))
		case f.Type() == reflect.TypeFor[int32]():
			f.SetInt(int64(most))
		}
	}
}

// loopPages makes the call one for the first page, whatever page it asked for.
func (k *call) loopPages() {
	if !k.faulty(func(f Fail) bool { return f.SameToken }) {
		return
	}
	if k.wire.looped = pagesOf(k.wire.target.op); k.wire.looped != nil {
		k.wire.in = maps.Clone(k.wire.in)
		delete(k.wire.in, k.wire.looped.in)
	}
}

// turnBack puts the token that never changes into an answer.
func (k *call) turnBack(answer fields) {
	p := k.wire.looped
	if p == nil {
		return
	}
	if p.within != "" {
		if inner, ok := answer[p.within].(fields); ok {
			answer = inner
		}
	}
	k.struck()
	answer[p.out] = sameToken
	if p.more != "" {
		answer[p.more] = true
	}
}

// cutting is the answer, to be broken off if a fault says so.
func (k *call) cutting(resp *response) *response {
	if resp == nil {
		return nil
	}
	resp.cut = k.faulty(func(f Fail) bool { return f.Cut })
	return resp
}

// writeCut sends the first half of the body and breaks the connection.
func (r *response) writeCut(w http.ResponseWriter) {
	_, _ = w.Write(r.body[:len(r.body)/2])
	if r.stream != nil {
		_, _ = io.CopyN(w, r.stream, max(0, r.length/2))
		if closer, ok := r.stream.(io.Closer); ok {
			_ = closer.Close()
		}
	}
	panic(http.ErrAbortHandler)
}

// downloadFault is the fault that strikes the download of a package or layer, if any.
func (c *Cloud) downloadFault(r *http.Request) (f Fail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.core.faults {
		if a.Op == "Presigned:Get" && a.due() {
			f = a.Fail
			c.core.struck = append(c.core.struck, Call{Time: c.Now(), API: a.Op, Operation: "Get", Resource: r.URL.Path})
		}
	}
	return f
}

// downloaded notes a download, for tests that count them.
func (c *Cloud) downloaded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.downloads++
}

// Downloads is how many packages and layers were asked for at presigned addresses.
func (c *Cloud) Downloads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.downloads
}

// Bookmark remembers what is recorded of calls so far. The function that it gives forgets
// what came after: for tests that look at one account many times, each time as the first.
func (c *Cloud) Bookmark() (back func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, calls, all := maps.Clone(c.core.seen), len(c.core.calls), len(c.core.records.all)
	lengths := map[scope]int{}
	for k, records := range c.core.records.byScope {
		lengths[k] = len(records)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.core.seen, c.core.calls, c.core.records.all = maps.Clone(seen), c.core.calls[:calls], c.core.records.all[:all]
		for k, records := range c.core.records.byScope {
			c.core.records.byScope[k] = records[:lengths[k]]
		}
		c.core.buckets, c.core.downloads = nil, 0
	}
}
