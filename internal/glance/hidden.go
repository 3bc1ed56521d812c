package glance

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// name books an artefact whose own name hides something: that of a log stream, or an object's key.
func (l *looker) name(e evidence.Entry) {
	if !HidesName(e) {
		return
	}
	if l.names++; l.first == nil {
		l.first = &e
	}
}

// HidesName says whether what an artefact is called does more than show itself.
func HidesName(e evidence.Entry) bool {
	return safetext.Hides(e.Source.ARN) || safetext.Hides(e.Source.Qualifier) || e.Item != nil && safetext.Hides(e.Item.Name)
}

// hiddenNames is one sign for all of them: whoever can make one can make thousands.
func (l *looker) hiddenNames() {
	if l.names > 0 {
		l.sign(HiddenText, *l.first, "control, direction or invisible characters, which are shown escaped, in the names of artefacts: %d", l.names)
	}
}

// texts looks for what hides in a document's keys and strings, and says where the first is.
func (l *looker) texts(e evidence.Entry, data []byte) {
	dec := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	n, first := 0, ""
	for {
		token, err := dec.ReadToken()
		if err != nil {
			break // its end: it was decoded before
		}
		if token.Kind() != '"' || !safetext.Hides(token.String()) {
			continue
		}
		if n++; n == 1 {
			first = string(dec.StackPointer())
		}
	}
	if n > 0 {
		l.sign(HiddenText, e, "control, direction or invisible characters, which are shown escaped, in texts: %d, the first at %.100s", n, strings.ToValidUTF8(first, ""))
	}
}
