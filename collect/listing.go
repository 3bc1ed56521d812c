package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// listing stores a whole listing as one document {member: [...]}, page by page as
// it comes, and says whether it came whole. An empty one is absent.
func listing[I, O, T any](ctx context.Context, j *Job, w want, p pager[I, O, T], member string, items func(*O) any) bool {
	if out, had := recall[O](ctx, j, w); had {
		if out != nil {
			items(out)
		}
		return true
	}
	j.plan(w)
	first, s, err := ask(ctx, j, p.call, p.in)
	if err != nil {
		j.refused(w, s, err)
		return false
	}
	head := items(first) // once: it may take notes
	if reflect.ValueOf(head).Len() == 0 && p.next(p.in, first) == "" {
		j.none(w, s, "the list is empty")
		return true
	}
	var cut error
	err = j.put(ctx, w, s, func(out io.Writer) error {
		doc := &listWriter{out: out, enc: j.run.enc}
		if err := doc.begin(member); err != nil {
			return err
		}
		cut = p.each(ctx, j, first, func(o *O) error {
			if o == first {
				return doc.add(head)
			}
			return doc.add(items(o))
		})
		if err := doc.end(); err != nil {
			return err
		}
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(w, s, err)
	}
	return err == nil && cut == nil
}

// listWriter writes {"MEMBER":[a,b,...]} piece by piece.
type listWriter struct {
	out  io.Writer
	enc  encoder
	some bool
}

func (l *listWriter) begin(member string) error {
	name, err := json.Marshal(member)
	if err != nil {
		return fmt.Errorf("naming the list %q: %w", member, err)
	}
	_, err = fmt.Fprintf(l.out, "{%s:[", name)
	return err
}

// add appends the elements of a slice.
func (l *listWriter) add(items any) error {
	v := reflect.ValueOf(items)
	for i := range v.Len() {
		doc, err := l.enc.document(v.Index(i).Interface())
		if err != nil {
			return err
		}
		if l.some {
			doc = append([]byte{','}, doc...)
		}
		l.some = true
		if _, err := l.out.Write(doc[:len(doc)-1]); err != nil { // without the line's end
			return err
		}
	}
	return nil
}

func (l *listWriter) end() error {
	_, err := io.WriteString(l.out, "]}\n")
	return err
}
