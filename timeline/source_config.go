package timeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// configItem is what AWS Config recorded of a resource at one time. Its configuration is JSON in
// a text, in the service's own spelling.
type configItem struct {
	ResourceType, ResourceID, ResourceName, Arn string
	AccountID, AwsRegion                        string
	ConfigurationItemCaptureTime                moment
	ConfigurationItemStatus                     string
	ConfigurationStateID                        string
	Configuration                               string
	SupplementaryConfiguration                  map[string]json.RawMessage
	Tags                                        map[string]json.RawMessage
	RelatedEvents                               []string

	line, offset int64
}

// configSource tells each recorded state, and what changed since the one before it. The items of
// a document stand newest first, so that each is held until the one before it has come.
func configSource() Source {
	return Source{
		Name: "config-history", About: "AWS Config's history of a function and its role: what was recorded when, and what had changed",
		Reads: func(it evidence.Item) bool { return it.Artefact == "config.history" },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			p := placer{in: in, out: out, kind: KindState}
			var held *configItem
			give := func(before *configItem) {
				if held != nil {
					p.emitAt(held.event(before), held.line, held.offset)
				}
			}
			err := elements(ctx, in, out, "configurationItems", func(raw json.RawMessage) error {
				it := &configItem{line: p.line, offset: p.offset}
				if !read(raw, it, &p) {
					return p.err
				}
				if held != nil && it.follows(held) {
					give(it)
				} else {
					give(nil)
				}
				held = it
				return p.err
			}, &p)
			give(nil)
			return cmp.Or(err, p.err)
		},
	}
}

// follows says whether it is the state before held.
func (it *configItem) follows(held *configItem) bool {
	return it.ResourceID == held.ResourceID && it.ResourceType == held.ResourceType && !it.ConfigurationItemCaptureTime.After(held.ConfigurationItemCaptureTime.Time)
}

func (it *configItem) event(before *configItem) Event {
	e := Event{
		Time: it.ConfigurationItemCaptureTime.Time, TimestampDesc: "Configuration Captured", Service: "config", Action: "ConfigurationItem",
		Account: it.AccountID, Region: it.AwsRegion, Resources: []string{cut(cmp.Or(it.Arn, it.ResourceID), MaxField)},
		ID: strings.Join([]string{"config", it.ResourceType, it.ResourceID, it.ConfigurationStateID, it.ConfigurationItemCaptureTime.Format(time.RFC3339Nano), it.ConfigurationItemStatus}, "|"),
	}
	if it.ResourceType == "AWS::Lambda::Function" {
		e.Function, _, e.Qualifier = splitFunction(it.Arn)
		e.Qualifier = cmp.Or(e.Qualifier, "$LATEST")
		it.lambda(&e)
	}
	if it.ResourceType == "AWS::IAM::Role" {
		e.Change.Role = it.Arn
	}
	e.Message = fmt.Sprintf("AWS Config recorded %s %s (%s): %s", it.ResourceType, cmp.Or(it.ResourceName, it.ResourceID), cmp.Or(it.ConfigurationItemStatus, "no status"), it.since(before, &e))
	for i, id := range it.RelatedEvents {
		if i == 0 {
			e.LinkedTo = cut(id, maxNamedText)
		}
		if len(e.Cites) < maxResources {
			e.Cites = append(e.Cites, cut(id, maxNamedText))
		}
	}
	if e.LinkedTo != "" {
		e.Message += "; it names CloudTrail event " + e.LinkedTo
	}
	return e
}

// lambda takes what a recorded function says of its code.
func (it *configItem) lambda(e *Event) {
	var c struct {
		CodeSha256, Role, Version string
		Layers                    []struct{ Arn string }
	}
	if json.Unmarshal([]byte(it.Configuration), &c) != nil {
		return // a deleted function has none, and the difference says what cannot be read
	}
	e.Change.CodeHash, e.Change.Role, e.Change.Version = c.CodeSha256, c.Role, c.Version
	var layers []string
	for _, l := range c.Layers[:min(len(c.Layers), maxResources)] {
		layers = append(layers, l.Arn)
	}
	e.Change.Layers = strings.Join(layers, ",")
}

const maxChangedKeys = 16

// since says what changed: names only, values may be secrets.
func (it *configItem) since(before *configItem, e *Event) string {
	if before == nil {
		return "the earliest at hand, nothing to compare it with"
	}
	when := before.ConfigurationItemCaptureTime.Format(time.RFC3339)
	if it.Configuration == "" || before.Configuration == "" {
		return "no configuration to compare with that of " + when
	}
	keys, whole := it.changed(before)
	if !whole {
		return "its configuration is no JSON, and cannot be compared with that of " + when
	}
	if len(keys) == 0 {
		return "nothing changed since " + when
	}
	shown := strings.Join(keys[:min(len(keys), maxChangedKeys)], ", ")
	e.Change.Setting = cut("changed="+strings.ReplaceAll(shown, ", ", ","), MaxField)
	if more := len(keys) - maxChangedKeys; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return "changed since " + when + ": " + shown
}

// changed are the names of what differs, sorted.
func (it *configItem) changed(before *configItem) (keys []string, whole bool) {
	var now, was map[string]json.RawMessage
	if json.Unmarshal([]byte(it.Configuration), &now) != nil || json.Unmarshal([]byte(before.Configuration), &was) != nil {
		return nil, false
	}
	differing("", now, was, 0, &keys)
	differing("supplementaryConfiguration.", it.SupplementaryConfiguration, before.SupplementaryConfiguration, 1, &keys)
	differing("tags.", it.Tags, before.Tags, maxConfigDeep, &keys)
	slices.Sort(keys)
	return keys, true
}

// maxConfigDeep is as far as environment.variables.NAME.
const maxConfigDeep = 3

func differing(prefix string, now, was map[string]json.RawMessage, deep int, keys *[]string) {
	for name, v := range now {
		old, had := was[name]
		if had && same(v, old) {
			continue
		}
		var a, b map[string]json.RawMessage
		if had && deep+1 < maxConfigDeep && json.Unmarshal(v, &a) == nil && json.Unmarshal(old, &b) == nil && a != nil && b != nil {
			differing(prefix+cut(name, maxNamedText)+".", a, b, deep+1, keys)
			continue
		}
		*keys = append(*keys, prefix+cut(name, maxNamedText))
	}
	for name := range was {
		if _, still := now[name]; !still {
			*keys = append(*keys, prefix+cut(name, maxNamedText))
		}
	}
}

// same compares two JSON values, whatever the order of their members.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x)
	q, other := json.Marshal(y)
	return err == nil && other == nil && bytes.Equal(p, q)
}

// moment is a time as services and tools write it: RFC 3339, or seconds since 1970, which is
// what the older AWS CLI prints.
type moment struct{ time.Time }

// UnmarshalJSON leaves the zero time where nothing can be read: whoever emits reports it.
func (m *moment) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		m.Time, _ = parseTime(text)
		return nil
	}
	var seconds float64
	if json.Unmarshal(b, &seconds) == nil && seconds > 0 && seconds < 7258118400 {
		m.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	return nil
}
