// Package cacao writes playbooks in the form of CACAO Security Playbooks 2.0 (OASIS), and reads
// such as drafts. What it cannot honour it refuses by name: a step that is skipped in silence is
// worse than none.
package cacao

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // version 5 of UUIDs is made of it: names, no secrets
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/playbooks"
)

const specVersion = "cacao-2.0"

// object is a part of the document.
type object = map[string]any

// namespace of the ids: the same playbook has the same ids wherever it is exported.
const namespace = "freezeframe:cacao:2.0:"

// id is a CACAO identifier: KIND--UUID, the UUID made of names (version 5).
func id(kind string, names ...string) string {
	h := sha1.New() //nolint:gosec // as above
	fmt.Fprintf(h, "%s%s", namespace, kind)
	for _, n := range names {
		fmt.Fprintf(h, "\x00%s", n)
	}
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	return fmt.Sprintf("%s--%x-%x-%x-%x-%x", kind, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Export writes the playbook. Verbs have no counterpart among CACAO's commands: each becomes a
// manual command that says what freezeframe does there, so that another engine asks a person
// and does nothing by itself.
func Export(w io.Writer, pb *playbooks.Playbook, at time.Time) error {
	x := &exporter{pb: pb, workflow: object{}, activities: map[string]bool{}, has: map[string]bool{}}
	stamp := at.UTC().Format("2006-01-02T15:04:05.000Z")
	end := x.end("done")
	first := x.list(pb.Steps, end, "")
	start := id("start", pb.Name)
	x.workflow[start] = object{"type": "start", "on_completion": first}
	doc := object{
		"type": "playbook", "spec_version": specVersion, "id": id("playbook", pb.Name), "name": pb.Name, "description": pb.Title + "\n\n" + pb.About,
		"playbook_types": []string{"investigation", "mitigation", "remediation"}, "playbook_activities": keys(x.activities),
		"created_by": id("identity", "freezeframe"), "created": stamp, "modified": stamp,
		"playbook_processing_summary": object{
			"manual_playbook": true, "external_playbooks": x.has["external"], "parallel_processing": x.has["parallel"], "if_logic": x.has["if"], "while_logic": x.has["while"],
		},
		"labels": []string{"freezeframe", "sha256:" + pb.SHA256}, "workflow_start": start, "workflow": x.workflow,
		"agent_definitions": object{x.agent(): object{"type": "organization", "name": "responders"}},
	}
	if refs := references(pb); len(refs) > 0 {
		doc["external_references"] = refs
	}
	if vars := variables(pb); len(vars) > 0 {
		doc["playbook_variables"] = vars
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("playbook %s as CACAO: %w", pb.Name, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("playbook %s as CACAO: %w", pb.Name, err)
	}
	return nil
}

func keys[V any](m map[string]V) []string {
	out := []string{}
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func references(pb *playbooks.Playbook) []object {
	var out []object
	if pb.Runbook == nil {
		return nil
	}
	for _, r := range pb.Runbook.References {
		out = append(out, object{"name": r})
	}
	for _, t := range pb.Runbook.Attack {
		out = append(out, object{"name": "ATT&CK " + t, "source": "MITRE ATT&CK", "external_id": t})
	}
	return out
}

func variables(pb *playbooks.Playbook) object {
	types := map[playbooks.Type]string{playbooks.Number: "integer", playbooks.Bool: "bool"}
	out := object{}
	for _, in := range pb.Inputs {
		v := object{"type": "string", "description": in.About, "external": true}
		if t := types[in.Type]; t != "" {
			v["type"] = t
		}
		if in.Default != nil {
			v["value"] = fmt.Sprint(in.Default)
		}
		out["__"+in.Name+"__"] = v
	}
	return out
}

// exporter fills the workflow.
type exporter struct {
	pb         *playbooks.Playbook
	workflow   object
	activities map[string]bool
	has        map[string]bool
}

func (x *exporter) agent() string { return id("organization", "responders") }

// end is an end step of its own: each way of a branch has one.
func (x *exporter) end(of string) string {
	e := id("end", x.pb.Name, of)
	x.workflow[e] = object{"type": "end"}
	return e
}

// list writes steps one after the other, and gives the first of them.
func (x *exporter) list(steps []playbooks.Step, after, within string) string {
	next := after
	for i, s := range slices.Backward(steps) {
		next = x.step(&steps[i], next, within+s.ID)
	}
	return next
}

// step writes one step with what follows it, and gives where it begins.
func (x *exporter) step(s *playbooks.Step, next, path string) string {
	self, body := x.body(s, path)
	body["name"] = s.ID
	if s.Timeout > 0 {
		body["timeout"] = s.Timeout.Milliseconds()
	}
	switch s.OnFailure {
	case playbooks.Continue:
		body["on_completion"] = next
	case playbooks.GoOn:
		body["on_success"], body["on_failure"] = next, x.end("failed: "+path)
		body["description"] = fmt.Sprint(body["description"], " (if it fails, the run goes on at ", s.Goto, ")")
	default:
		body["on_success"], body["on_failure"] = next, x.end("failed: "+path)
	}
	x.workflow[self] = body
	if s.When == nil {
		return self
	}
	x.has["if"] = true
	cond := id("if-condition", x.pb.Name, path, "when")
	back := body["on_failure"]
	body["on_success"], body["on_failure"] = x.end("when: "+path), back
	if back == nil {
		delete(body, "on_failure")
		delete(body, "on_success")
		body["on_completion"] = x.end("when: " + path)
	}
	x.workflow[cond] = object{"type": "if-condition", "name": "when " + s.ID, "condition": s.When.Text, "on_true": self, "on_completion": next}
	return cond
}

// body is the step itself, by its kind.
func (x *exporter) body(s *playbooks.Step, path string) (string, object) {
	switch {
	case s.Sub != "":
		x.has["external"] = true
		return id("playbook-action", x.pb.Name, path), object{"type": "playbook-action", "description": s.About, "playbook_id": id("playbook", s.Sub)}
	case s.Cases != nil:
		return x.branch(s, path)
	case s.Lanes != nil:
		x.has["parallel"] = true
		lanes := make([]string, len(s.Lanes))
		for i, l := range s.Lanes {
			at := fmt.Sprintf("%s[%d]", path, i+1)
			lanes[i] = x.list(l.Steps, x.end(at), at+"/")
		}
		return id("parallel", x.pb.Name, path), object{"type": "parallel", "description": s.About, "next_steps": lanes}
	case s.Each != nil:
		x.has["while"] = true
		return id("while-condition", x.pb.Name, path), object{"type": "while-condition", "description": s.About,
			"condition": fmt.Sprintf("for each of %s, at most %d", s.Each, s.Most), "on_true": x.list(s.Steps, x.end(path), path+"/")}
	}
	return id("action", x.pb.Name, path), x.action(s)
}

// branch is a chain of if-conditions: the first that holds is taken.
func (x *exporter) branch(s *playbooks.Step, path string) (string, object) {
	x.has["if"] = true
	other := ""
	if s.Else != nil {
		other = x.list(s.Else, x.end(path+" else"), path+"/else/")
	}
	var self string
	var body object
	for i, c := range slices.Backward(s.Cases) {
		at := fmt.Sprintf("%s[%d]", path, i+1)
		self = id("if-condition", x.pb.Name, at)
		body = object{"type": "if-condition", "name": at, "condition": c.When.Text, "on_true": x.list(c.Steps, x.end(at), at+"/")}
		if other != "" {
			body["on_false"] = other
		}
		if i > 0 {
			body["on_completion"] = x.end(at + " chain")
			x.workflow[self] = body
			other = self
		}
	}
	body["description"] = s.About
	return self, body
}

// action is a manual command: what freezeframe does there, with its arguments.
func (x *exporter) action(s *playbooks.Step) object {
	activity := map[playbooks.Class]string{
		playbooks.Reads: "analyze-collected-data", playbooks.Offline: "analyze-collected-data", playbooks.Changes: "restrict-access", playbooks.Asks: "step-sequence", playbooks.Tells: "deliver-content",
	}[s.Verb.Class]
	x.activities[activity] = true
	about := s.About
	if about == "" {
		about = s.Verb.About
	}
	text := "freezeframe " + s.Verb.Name
	if s.Verb.Name == "manual" && s.With["do"].Literal != nil {
		text = fmt.Sprint(s.With["do"].Literal)
	} else {
		for _, name := range keys(s.With) {
			text += fmt.Sprintf("; %s: %s", name, s.With[name])
		}
	}
	return object{"type": "action", "description": about, "agent": x.agent(), "commands": []object{{"type": "manual", "command": text, "playbook_activity": activity}}}
}
