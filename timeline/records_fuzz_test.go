package timeline

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
)

// FuzzRecords: the reader alone, some hundred times as often as FuzzCloudTrail gets to it.
// Through a small window and a large one, a byte at a time and at once, it finds the same
// events and loses the same.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{record("a"), `{"Records":[` + record("a") + `,{"x":}]}`, `{"Events":[{"CloudTrailEvent":"{\"eventID\":\"x\",\"eventTime\":\"2026-03-01T10:00:00Z\"}"}]}`,
		`{"eventTime":"2026-03-01T10:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2","requestParameters":{"functionName":"f\u0000"},"responseElements":{"codeSha256":"x"}}` + "\n[]\n{", "\xef\xbb\xbf[1,[2],{}]", `{"Records":[{"Records":[{}]}],"a":"\ud800"}`} {
		f.Add([]byte(s))
	}
	o := Options{RunEvents: 1 << 20, MaxSkips: 1 << 20, Names: true}
	f.Fuzz(func(t *testing.T, body []byte) {
		read := func(window int, in Stream) *Sink {
			s := newSink(&o, &spool{}, &origins{})
			s.arena.bytes = 1 << 30 // never spilled
			s.window = make([]byte, window)
			if err := cloudTrailSource().Events(t.Context(), in, s); err != nil {
				t.Fatal(err)
			}
			s.skips.trim()
			return s
		}
		small := read(16, Stream{R: iotest.OneByteReader(bytes.NewReader(body)), Name: "cloudtrail.file"})
		large := read(1<<16, Stream{R: bytes.NewReader(body), Name: "cloudtrail.file"})
		defer small.arena.free()
		defer large.arena.free()
		if small.read != large.read || !bytes.Equal(slices.Concat(small.arena.chunks...), slices.Concat(large.arena.chunks...)) || !reflect.DeepEqual(small.sources.sum(), large.sources.sum()) {
			t.Fatalf("%d events through a small window, %d through a large one", small.read, large.read)
		}
		if small.skips.n != large.skips.n || !reflect.DeepEqual(small.skips.kept, large.skips.kept) {
			t.Fatalf("skips %+v through a small window, %+v through a large one", small.skips, large.skips)
		}
		sameAlong(t, &o, body)
	})
}
