package collect

import (
	"errors"
	"unicode/utf8"
)

// A log's pages are most of what a large collection reads, and decoding them into the SDK's
// types, only to encode them again, took half of its time. What is scanned here are pages as
// AWS writes them. Whatever is not quite as expected (a member twice, a number that is no plain
// integer, text that is not UTF-8) is left to the SDK, so that there is one reading of it.

var errUnusual = errors.New("the page is not as expected")

// scannedPage is what is wanted of a page of FilterLogEvents.
type scannedPage struct {
	lines  []byte // events, one a line, as appendEvents writes them
	events int
	token  string
}

// eventSpan is where an event's members stand in the page; nil is absent.
type eventSpan struct{ id, ingestion, stream, message, timestamp []byte }

// scanPage reads a page and appends its events to lines.
func scanPage(page, lines []byte) (scannedPage, error) {
	s := &pageScan{b: page}
	out := scannedPage{lines: lines}
	var seenEvents, seenToken bool
	err := s.object(func(name []byte) error {
		switch {
		case string(name) == "events" && !seenEvents:
			seenEvents = true
			return s.array(func() error {
				out.events++
				e, err := s.event()
				out.lines = e.append(out.lines)
				return err
			})
		case string(name) == "nextToken" && !seenToken:
			seenToken = true
			raw, err := s.text()
			for _, c := range raw {
				if c == '\\' {
					return errUnusual
				}
			}
			if raw != nil {
				out.token = string(raw[1 : len(raw)-1])
			}
			return err
		case string(name) == "events", string(name) == "nextToken":
			return errUnusual
		case string(name) == "searchedLogStreams":
			return s.array(s.searched)
		}
		return s.skip(0)
	})
	if s.space(); err == nil && s.at != len(page) {
		err = errUnusual
	}
	return out, err
}

func (e *eventSpan) append(b []byte) []byte {
	b = append(b, '{')
	for _, m := range []struct {
		name  string
		value []byte
	}{{"eventId", e.id}, {"ingestionTime", e.ingestion}, {"logStreamName", e.stream}, {"message", e.message}, {"timestamp", e.timestamp}} {
		if m.value != nil {
			b = append(appendName(b, m.name), m.value...)
		}
	}
	return append(b, '}', '\n')
}

// pageScan is a place in a page.
type pageScan struct {
	b  []byte
	at int
}

func (s *pageScan) event() (e eventSpan, err error) {
	err = s.object(func(name []byte) (err error) {
		var to *[]byte
		read := s.text
		switch string(name) {
		case "eventId":
			to = &e.id
		case "logStreamName":
			to = &e.stream
		case "message":
			to = &e.message
		case "ingestionTime":
			to, read = &e.ingestion, s.integer
		case "timestamp":
			to, read = &e.timestamp, s.integer
		default:
			return s.skip(0)
		}
		if *to != nil {
			return errUnusual
		}
		*to, err = read()
		return err
	})
	return e, err
}

// searched passes over what is said of a stream.
func (s *pageScan) searched() error {
	return s.object(func(name []byte) (err error) {
		switch s.space(); {
		case string(name) == "logStreamName":
			_, err = s.text()
		case string(name) == "searchedCompletely" && (s.at >= len(s.b) || s.b[s.at] != 't' && s.b[s.at] != 'f'):
			err = errUnusual
		default:
			err = s.skip(0)
		}
		return err
	})
}

func (s *pageScan) space() {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\n' || s.b[s.at] == '\t' || s.b[s.at] == '\r') {
		s.at++
	}
}

// next takes c, past white space.
func (s *pageScan) next(c byte) bool {
	s.space()
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object calls member for each name, which reads the value.
func (s *pageScan) object(member func(name []byte) error) error {
	if !s.next('{') {
		return errUnusual
	}
	if s.next('}') {
		return nil
	}
	for {
		name, err := s.text()
		if err != nil || name == nil || !s.next(':') {
			return errUnusual
		}
		if err := member(name[1 : len(name)-1]); err != nil {
			return err
		}
		if s.next('}') {
			return nil
		}
		if !s.next(',') {
			return errUnusual
		}
	}
}

// array calls item for each, which reads it.
func (s *pageScan) array(item func() error) error {
	if !s.next('[') {
		return errUnusual
	}
	if s.next(']') {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.next(']') {
			return nil
		}
		if !s.next(',') {
			return errUnusual
		}
	}
}

// text is a string with its quotes, in the one form in which it can be written; nil is null.
// Escapes that are longer than they need be are unusual.
func (s *pageScan) text() ([]byte, error) {
	if s.null() {
		return nil, nil
	}
	if s.space(); s.at >= len(s.b) || s.b[s.at] != '"' {
		return nil, errUnusual
	}
	begin, high := s.at, false
	for i := s.at + 1; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.at = i + 1
			if high && !utf8.Valid(s.b[begin:s.at]) {
				return nil, errUnusual
			}
			return s.b[begin:s.at], nil
		case c == '\\':
			if i++; i >= len(s.b) || !plainEscape(s.b[i]) {
				return nil, errUnusual
			}
		case c < ' ':
			return nil, errUnusual
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	return nil, errUnusual
}

func plainEscape(c byte) bool {
	switch c {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

// integer is a number's digits; nil is null.
func (s *pageScan) integer() ([]byte, error) {
	if s.null() {
		return nil, nil
	}
	s.space()
	begin := s.at
	if s.at < len(s.b) && s.b[s.at] == '-' {
		s.at++
	}
	first := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	n := s.at - first
	if n == 0 || n > 18 || s.b[first] == '0' && s.at-begin > 1 {
		return nil, errUnusual
	}
	return s.b[begin:s.at], nil // what follows a number that goes on is no comma and no bracket
}

// null takes a null.
func (s *pageScan) null() bool {
	if s.space(); s.at+4 <= len(s.b) && string(s.b[s.at:s.at+4]) == "null" {
		s.at += 4
		return true
	}
	return false
}

// skip passes over a value that nobody asked for.
func (s *pageScan) skip(depth int) error {
	if s.space(); s.at >= len(s.b) || depth > 8 {
		return errUnusual
	}
	switch s.b[s.at] {
	case '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case '"', 'n':
		_, err := s.text()
		return err
	case 't', 'f':
		for _, word := range []string{"true", "false"} {
			if s.at+len(word) <= len(s.b) && string(s.b[s.at:s.at+len(word)]) == word {
				s.at += len(word)
				return nil
			}
		}
		return errUnusual
	}
	_, err := s.integer()
	return err
}
