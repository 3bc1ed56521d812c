package timeline

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Files of records hold other things too: GuardDuty's findings (bare, as GuardDuty exports them
// to a bucket; listed, as the AWS CLI prints them), and what EventBridge wraps around a finding or
// a record. Only what is no record comes here, so that records cost nothing more.

// other reads an object that is no record itself. False: it is nothing that is known.
func (t *trailReader) other(line, offset int64) (known bool, err error) {
	if t.raw.lookup || t.raw.enveloped || !bytes.Contains(t.whole, []byte(`etail`)) && !bytes.Contains(t.whole, []byte(`inding`)) && !bytes.Contains(t.whole, []byte(`esourceType`)) {
		return false, nil
	}
	if detail := enveloped(t.whole, "via CloudTrail"); detail != nil {
		return t.unwrapped(detail, line, offset)
	}
	in := t.in
	in.Name = findingFile
	p := placer{in: in, out: t.out, kind: KindFinding, line: line, offset: offset}
	if detail := enveloped(t.whole, "GuardDuty Finding"); detail != nil {
		return p.finding(detail), p.err
	}
	var list struct{ Findings []json.RawMessage }
	if bytes.Contains(t.whole, []byte(`indings"`)) && json.Unmarshal(t.whole, &list) == nil && len(list.Findings) > 0 {
		for _, f := range list.Findings {
			if !p.finding(f) && p.err == nil {
				t.out.Skip(t.in.Raw, line, offset, "an element of Findings that is no finding of GuardDuty")
			}
		}
		return true, p.err
	}
	return p.finding(t.whole), p.err
}

// enveloped is the detail of an EventBridge event whose detail-type ends so; nil if it is none.
func enveloped(whole []byte, kind string) []byte {
	var envelope struct {
		DetailType string `json:"detail-type"`
		Detail     json.RawMessage
	}
	if json.Unmarshal(whole, &envelope) != nil || !strings.HasSuffix(envelope.DetailType, kind) || len(envelope.Detail) == 0 || envelope.Detail[0] != '{' {
		return nil
	}
	return envelope.Detail
}

// unwrapped reads the record inside an envelope, as if it stood alone.
func (t *trailReader) unwrapped(detail []byte, line, offset int64) (known bool, err error) {
	inner := scan{b: append(detail, '\n')}
	if err := t.parse(&inner); err != nil {
		return false, nil // json.Unmarshal took it; this reader bounds its depth
	}
	t.raw.enveloped = true
	return true, t.done(line, offset)
}

// finding emits a finding of GuardDuty; false: it is none.
func (p *placer) finding(raw json.RawMessage) bool {
	var f guardFinding
	err := json.Unmarshal(raw, &f)
	if !f.is() {
		return false
	}
	if err != nil {
		p.out.Skip(p.in.Raw, p.line, p.offset, "malformed element: "+err.Error())
	}
	f.events(p.emit)
	return true
}
