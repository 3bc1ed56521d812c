package timeline

import (
	"bytes"
	"reflect"
	"testing"
)

// lent gives an event whose texts lie in a buffer, as those of a batch do, and takes them away.
type lent struct{ buf []byte }

func (l *lent) lend(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() && v.Len() > 0 {
			from := len(l.buf)
			l.buf = append(l.buf, v.String()...)
			v.SetString(view(l.buf[from:]))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			l.lend(v.Field(i))
		}
	case reflect.Slice:
		if !v.CanSet() || v.Len() == 0 || v.Type().Elem().Kind() != reflect.String {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		v.Set(own)
		for i := range v.Len() {
			l.lend(v.Index(i))
		}
	}
}

func (l *lent) takeAway() {
	for i := range l.buf {
		l.buf[i] = '\xe6'
	}
}

// TestFormatsKeepNothing: an event's texts are its writer's for as long as it writes that event. What
// it keeps longer it copies: the buffer is another batch's by then.
func TestFormatsKeepNothing(t *testing.T) {
	cells := 0
	hostile, _ := hostileEvents(t)
	for len(hostile) < 3*batchRows { // more than any writer gathers
		hostile = append(hostile, hostile...)
	}
	hostile = hostile[:3*batchRows]
	l := &lent{buf: make([]byte, 0, 1<<20)}
	for _, f := range Formats() {
		var want, got bytes.Buffer
		o, err := Options{Format: f.Name}.ready(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []struct {
			out *bytes.Buffer
			own bool
		}{{&want, true}, {&got, false}} {
			to := f.New(w.out, o)
			for i := range hostile {
				e := hostile[i]
				if l.buf = l.buf[:0]; !w.own {
					l.lend(reflect.ValueOf(&e).Elem())
				}
				if err := to.Event(&e); err != nil {
					t.Fatal(err)
				}
				l.takeAway()
			}
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if cells++; !bytes.Equal(want.Bytes(), got.Bytes()) {
			t.Errorf("%s: keeps texts of events that it has written", f.Name)
		}
	}
	t.Logf("%d formats; 0 skipped", cells)
}
