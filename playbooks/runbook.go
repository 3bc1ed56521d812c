package playbooks

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Markdown writes the playbook as a runbook: what responders read, and every step with what it
// does, in the order in which it is done.
func (pb *Playbook) Markdown(w io.Writer) error {
	m := &runbookWriter{pb: pb}
	m.head()
	m.steps()
	if len(pb.Resume) > 0 {
		m.line("\n## When a run was interrupted\n")
		m.list(pb.Resume, 0)
	}
	m.people()
	m.line("\nPlaybook `%s`, SHA-256 `%s`. Run it: `freezeframe playbook run %s%s`.", pb.Name, pb.SHA256, pb.Name, m.sets())
	_, err := io.WriteString(w, m.b.String())
	return err
}

type runbookWriter struct {
	pb *Playbook
	b  strings.Builder
}

func (m *runbookWriter) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

func (m *runbookWriter) section(title, text string) {
	if text != "" {
		m.line("\n## %s\n\n%s", title, markdown(text))
	}
}

func (m *runbookWriter) sets() string {
	var out string
	for _, in := range m.pb.Inputs {
		if in.Required {
			out += " --set " + in.Name + "=..."
		}
	}
	return out
}

func (m *runbookWriter) head() {
	pb := m.pb
	m.line("# %s", markdown(pb.Title))
	if pb.About != "" {
		m.line("\n%s", markdown(pb.About))
	}
	b := pb.Runbook
	if b == nil {
		return
	}
	m.section("Scope", b.Scope)
	m.section("Severity", b.Severity)
	if len(b.Triage) > 0 {
		m.line("\n## Triage questions\n")
		for i, q := range b.Triage {
			m.line("%d. %s", i+1, markdown(q))
		}
	}
	if len(b.Roles) > 0 {
		m.line("\n## Who does what\n")
		for _, r := range keys(b.Roles) {
			m.line("- **%s**: %s", markdown(r), markdown(b.Roles[r]))
		}
	}
	if len(b.Threats) > 0 {
		m.line("\n## References\n")
		m.line("- Threat matrix, %s", rows(b.Threats))
		if len(b.Attack) > 0 {
			m.line("- ATT&CK: %s", markdown(strings.Join(b.Attack, ", ")))
		}
		for _, r := range b.References {
			m.line("- %s", markdown(r))
		}
	}
	if len(pb.Inputs) > 0 {
		m.line("\n## What it has to be told\n")
		for _, in := range pb.Inputs {
			need := ""
			switch {
			case in.Required:
				need = ", required"
			case in.Default != nil:
				need = ", " + markdown(shown(in.Default)) + " if nothing is said"
			}
			m.line("- `%s` (%s%s): %s", in.Name, in.Type, need, markdown(in.About))
		}
	}
}

func rows(numbers []int) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = fmt.Sprint(n)
	}
	if len(parts) == 1 {
		return "row " + parts[0]
	}
	return "rows " + strings.Join(parts, ", ")
}

// steps writes the steps under the phases that they belong to; one without a phase belongs to that
// of the step before it.
func (m *runbookWriter) steps() {
	titles := map[Phase]string{Detect: "Detect and analyse", Contain: "Contain", Eradicate: "Eradicate", Recover: "Recover", PostIncident: "After the incident"}
	texts := map[Phase]string{}
	if b := m.pb.Runbook; b != nil {
		texts = map[Phase]string{Detect: b.Detect, Contain: b.Contain, Eradicate: b.Eradicate, Recover: b.Recover, PostIncident: b.PostIncident}
	}
	by, last := map[Phase][]Step{}, Detect
	for _, s := range m.pb.Steps {
		if s.Phase != "" {
			last = s.Phase
		}
		by[last] = append(by[last], s)
	}
	for _, p := range Phases() {
		if len(by[p]) == 0 && texts[p] == "" {
			continue
		}
		m.line("\n## %s", titles[p])
		if texts[p] != "" {
			m.line("\n%s", markdown(texts[p]))
		}
		if len(by[p]) > 0 {
			m.line("")
			m.list(by[p], 0)
		}
	}
}

func (m *runbookWriter) list(steps []Step, depth int) {
	indent := strings.Repeat("   ", depth)
	for i := range steps {
		s := &steps[i]
		m.line("%s%d. **%s**: %s%s", indent, i+1, s.ID, markdown(m.says(s)), m.how(s))
		for j, c := range s.Cases {
			m.line("%s   - case %d, when %s:", indent, j+1, markdown(c.When.Text))
			m.list(c.Steps, depth+2)
		}
		if s.Else != nil {
			m.line("%s   - else:", indent)
			m.list(s.Else, depth+2)
		}
		for j, l := range s.Lanes {
			m.line("%s   - beside the others, %d:", indent, j+1)
			m.list(l.Steps, depth+2)
		}
		m.list(s.Steps, depth+1)
	}
}

// says is what a step is for: its own words, or its verb's.
func (pb *Playbook) says(s *Step) string {
	switch {
	case s.About != "":
		return s.About
	case s.Sub != "" && pb.subs[s.Sub] != nil:
		return pb.subs[s.Sub].Title
	case s.Verb.Name == "manual":
		return "for people"
	}
	return s.Verb.About
}

// says is the same for those who do it by hand: what a person is to do comes first.
func (m *runbookWriter) says(s *Step) string {
	if s.Verb.Name == "manual" && s.With["do"].literal() {
		return shown(s.With["do"].Literal)
	}
	return m.pb.says(s)
}

// how is what the step does, in the playbook's own terms.
func (m *runbookWriter) how(s *Step) string {
	var parts []string
	switch s.kind() {
	case kindVerb:
		parts = append(parts, "`"+s.Verb.Name+"`")
	case kindSub:
		parts = append(parts, "playbook `"+s.Sub+"`")
	case kindEach:
		parts = append(parts, "for each of `"+s.Each.String()+"`")
	}
	if s.When != nil {
		parts = append(parts, "when "+markdown(s.When.Text))
	}
	switch s.OnFailure {
	case Continue:
		parts = append(parts, "goes on if it fails")
	case GoOn:
		parts = append(parts, "goes on at "+s.Goto+" if it fails")
	case Undo:
		parts = append(parts, "takes back what was changed if it fails")
	}
	if s.Override != "" {
		parts = append(parts, "before a seal, because: "+markdown(s.Override))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// people lists what no API can do.
func (m *runbookWriter) people() {
	var all []string
	m.pb.Walk(func(s *Step, _ int) {
		if s.Verb.Name == "manual" && s.With["do"].literal() {
			all = append(all, shown(s.With["do"].Literal))
		}
	})
	if len(all) == 0 {
		return
	}
	m.line("\n## What people have to do\n")
	for _, s := range slices.Compact(all) {
		m.line("- [ ] %s", markdown(s))
	}
}

// markdown keeps a playbook's texts from being read as Markdown or HTML, or by a terminal.
func markdown(s string) string { return safetext.Markdown(s) }
