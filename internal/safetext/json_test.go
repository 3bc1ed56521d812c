package safetext

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

func spelled(t *testing.T, doc []byte, piece int) string {
	t.Helper()
	var b bytes.Buffer
	w := JSON(&b)
	for len(doc) > 0 {
		n := min(piece, len(doc))
		if _, err := w.Write(doc[:n]); err != nil {
			t.Fatal(err)
		}
		doc = doc[n:]
	}
	return b.String()
}

func TestJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a":"Grüße, 東京 🙂"}`, `{"a":"Grüße, 東京 🙂"}`},
		{"[\"\u009b31m\u202e\x7f\"]", `["\u009b31m\u202e\u007f"]`},
		{"[\"\U000e0041\"]", `["\udb40\udc41"]`},
		{"[\"a\xffb\xe2\x80\"]", `["a\ufffdb\ufffd\ufffd"]`},
	} {
		for piece := 1; piece < 8; piece++ {
			if got := spelled(t, []byte(c.in), piece); got != c.want {
				t.Errorf("%q in pieces of %d: %q, want %q", c.in, piece, got, c.want)
			}
		}
	}
	if _, err := JSON(iotest.TruncateWriter(failing{}, 0)).Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := JSON(failing{}).Write([]byte("x")); err == nil {
		t.Error("the writer's error is lost")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

// FuzzJSON: the values stay what they are, whatever the pieces, and nothing unsafe comes out.
func FuzzJSON(f *testing.F) {
	f.Add("\x1b\u202e\u009b\xff\U000e0041é", 3)
	f.Fuzz(func(t *testing.T, s string, piece int) {
		doc, err := json.Marshal(map[string]string{"v": s, s: "k"})
		if err != nil {
			t.Fatal(err)
		}
		got := spelled(t, doc, max(1, piece))
		var before, after map[string]string
		if err := json.Unmarshal(doc, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(got), &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Fatalf("%v: %q became %q", err, before, after)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }); i >= 0 {
			t.Fatalf("%q survives", got[i:])
		}
	})
}
