package practices

import "slices"

// Mapping is an event source mapping of the function, a version or an alias.
type Mapping struct {
	UUID, FunctionArn, EventSourceArn string
	DestinationConfig                 DestinationConfig
	At                                Origin
}

// DestinationConfig says where events go when they are done with, or given up.
type DestinationConfig struct{ OnSuccess, OnFailure struct{ Destination string } }

// mappings are all that call the function; gaps where there may be more.
func (f *Facts) mappings() (known []Mapping, gaps []Finding) {
	d := doc[struct{ EventSourceMappings []Mapping }](f, "lambda.mappings", "", "")
	if d.Gap != nil {
		gaps = append(gaps, unknown(f.Function, d.Gap))
	}
	if slices.Contains(f.qualifiers("lambda.mappings.sweep", ""), "") {
		if rest := doc[struct{}](f, "lambda.mappings.sweep", "", ""); rest.Gap != nil && rest.Gap.Bag == d.bag(f) {
			gaps = append(gaps, unknown(f.Function, rest.Gap))
		}
	}
	for _, m := range d.V.EventSourceMappings {
		m.At = d.Origin
		known = append(known, m)
	}
	return known, gaps
}

// bag is where a document is from. What is only ever a gap stays the newest of its name when a
// later collection has none: it counts for documents of its own collection.
func (d Doc[T]) bag(f *Facts) string {
	if e := f.x.entries[keyOf(d.Artefact, d.Source)]; e != nil {
		return e.bag.ID()
	}
	return ""
}
