package alert

import "slices"

// Severity is on GuardDuty's scale, whoever gave it.
type Severity struct {
	Label  string  `json:"label,omitempty"`  // informational, low, medium, high, critical; "": the alert has none
	Number float64 `json:"number,omitempty"` // 0 to 10; where the origin has words alone, the least of the word
	Origin string  `json:"origin,omitempty"` // as the origin wrote it
}

// labels, the least first, with the number where each begins.
var labels = []struct {
	label string
	from  float64
}{{"informational", 0}, {"low", 1}, {"medium", 4}, {"high", 7}, {"critical", 9}}

// Labels lists the labels, the least first.
func Labels() []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.label
	}
	return out
}

// AtLeast says whether a severity is of the label or above. One without a label never is.
func (s Severity) AtLeast(label string) bool {
	i := slices.Index(Labels(), label)
	return i >= 0 && slices.Index(Labels(), s.Label) >= i
}

// ofNumber is the severity of a number from 0 to 10.
func ofNumber(n float64, origin string) Severity {
	s := Severity{Number: n, Origin: origin}
	for _, l := range labels {
		if n >= l.from {
			s.Label = l.label
		}
	}
	return s
}

// ofLabel is the severity of a word; an unknown one has no label.
func ofLabel(label, origin string) Severity {
	for _, l := range labels {
		if l.label == label {
			return Severity{Label: label, Number: l.from, Origin: origin}
		}
	}
	return Severity{Origin: origin}
}
