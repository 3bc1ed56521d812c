package evidence

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// FuzzHead: what is taken for a head is exactly what would be written for it.
func FuzzHead(f *testing.F) {
	f.Add(Head{Case: "01M85JK1K04GNAWP0Z4K0STD3E", Events: 42, SHA256: strings.Repeat("a", 64), Epoch: 1, Time: time.Unix(1.7e9, 0)}.text())
	f.Add([]byte(headSchema + "\ncase: \nevents: 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHead(data)
		if err != nil {
			return
		}
		if !bytes.Equal(h.text(), data) || len(data) > maxHead || h.Events < 1 || !isHash(h.SHA256) {
			t.Fatalf("%q is read as %+v", data, h)
		}
	})
}

// FuzzCollection: collection.json that is read is written back to something that reads the same.
func FuzzCollection(f *testing.F) {
	good, err := encodeJSON(Header{Schema: headerSchema, Bag: "b", Case: "c", Kind: KindCollection, Targets: []string{"arn"}, Params: map[string]string{"k": "v"}, Resumed: []Session{{Operator: "o"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":"x","schema":"y"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var h, again Header
		if decodeStrict(data, &h) != nil {
			return
		}
		text, err := encodeJSON(h)
		if err != nil {
			return // a time outside what RFC 3339 can say
		}
		if err := decodeStrict(text, &again); err != nil {
			t.Fatalf("%q was written as %q: %v", data, text, err)
		}
		if other, err := encodeJSON(again); err != nil || !bytes.Equal(other, text) {
			t.Fatalf("%q becomes %q", text, other)
		}
	})
}

// FuzzCoverage: entry by entry reads what reading it whole does.
func FuzzCoverage(f *testing.F) {
	good, err := encodeJSON(coverage{Schema: coverageSchema, Bag: "b", Entries: []Entry{
		{Artefact: "a", State: Collected, Item: &Item{ID: "i", Path: "data/x", SHA256: strings.Repeat("a", 64)}},
		{Artefact: "a", State: Absent, Gap: &Gap{Artefact: "a"}},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"entries":[{}],"entries":[{}]}`))
	f.Add([]byte(`{"entries":{}} x`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole coverage
		if decodeStrict(data, &whole) != nil {
			return
		}
		n := 0
		for e, err := range readCoverage(bytes.NewReader(data)) {
			if err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			if n >= len(whole.Entries) || e.Artefact != whole.Entries[n].Artefact {
				t.Fatalf("%q: entry %d is %+v", data, n, e)
			}
			n++
		}
		if n != len(whole.Entries) {
			t.Fatalf("%q: %d entries, want %d", data, n, len(whole.Entries))
		}
	})
}

// FuzzTable: a table holds what the lines say, and no two names that a folder would mix up.
func FuzzTable(f *testing.F) {
	line := strings.Repeat("a", 64) + "  data/x\n"
	f.Add([]byte(line + strings.Repeat("b", 64) + "  data/y\n"))
	f.Add([]byte(line + strings.Repeat("c", 64) + "  data/X\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tab := readTable(bytes.NewReader(data), func(string) error { return nil })
		seen := map[string]bool{}
		for l := range tab.listed("") {
			if seen[strings.ToLower(l.name)] || tab.hash(l.name) != l.want || !isHash(l.want) {
				t.Fatalf("%q: %+v", data, l)
			}
			seen[strings.ToLower(l.name)] = true
		}
	})
}
