package evidence

import (
	"fmt"
	"slices"
	"strings"
)

// What says in words what an event records, h being the header of the bag that it is about; an
// unknown one by its data.
func (e Event) What(h Header) string {
	d := e.Data
	switch e.Type {
	case EventOpen:
		return "opened the case"
	case EventCollect:
		return fmt.Sprintf("collected into bag %s (%s) from %s", d["bag"], d["status"], strings.Join(h.Targets, ", "))
	case EventContain:
		return fmt.Sprintf("contained, recorded in bag %s (%s)", d["bag"], d["status"])
	case EventResume:
		return fmt.Sprintf("went on with bag %s, %s files kept", d["bag"], d["kept"])
	case EventSeal:
		return "brought sealed bags into the ledger"
	case EventTransfer:
		return strings.TrimSpace("handed the case to " + d["to"] + " " + d["how"])
	case EventAccess:
		if d["item"] != "" {
			return "revealed " + d["artefact"] + " " + d["item"]
		}
		return "looked at " + d["what"]
	case EventExport:
		return "exported the case to " + d["file"]
	case EventImport:
		return "imported the case from an archive with SHA-256 " + d["archive_sha256"]
	case EventRekey:
		return strings.TrimSpace("changed who signs " + d[RetireKey])
	}
	if text := noteText(d); text != "" && (e.Type == EventNote || e.Type == EventDecide) {
		return text
	}
	var words []string
	for k, v := range d {
		words = append(words, k+"="+v)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// noteText is a note in the words of the chain of custody.
func noteText(d map[string]string) string {
	words := map[string]string{"detect": "detected", "declare": "declared an incident", "decide": "decided", "handover": "handed over", "note": "noted"}
	text := words[d["kind"]]
	if text == "" {
		return ""
	}
	if d["to"] != "" {
		text += " to " + d["to"]
	}
	if d["at"] != "" {
		text += " at " + d["at"]
	}
	for i := 1; d[fmt.Sprintf("evidence.%d", i)] != ""; i++ {
		path, _, _ := strings.Cut(d[fmt.Sprintf("evidence.%d", i)], " ")
		text += ", on " + path
	}
	return text
}
