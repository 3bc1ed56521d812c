package collect

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// leaves are the values of a document, whatever it is written in: names of members, and the
// forms that times and texts take, differ between what AWS sends and what a case keeps.
type leaves map[string]bool

// read takes a document apart: JSON (also a line each), XML or CBOR. False: it is none of them.
func (l leaves) read(b []byte) bool {
	return l.json(b) || l.xml(b) || l.cbor(b)
}

func (l leaves) json(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var all []any
	for d.More() {
		var v any
		if d.Decode(&v) != nil {
			return false
		}
		all = append(all, v)
	}
	for _, v := range all {
		l.add(v)
	}
	return len(all) > 0
}

func (l leaves) xml(b []byte) bool {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) {
		return false
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	text, leaf, some := "", false, false
	for {
		token, err := d.Token()
		if err != nil {
			return some
		}
		switch token := token.(type) {
		case xml.StartElement:
			text, leaf, some = "", true, true
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if leaf {
				l.text(text)
			}
			leaf = false
		}
	}
}

func (l leaves) cbor(b []byte) bool {
	v, err := cbor.Decode(b)
	if err == nil {
		l.add(v)
	}
	return err == nil
}

// has says whether a value is among them: as a value, or as a name, which is what XML makes of
// a map's keys.
func (l leaves) has(v string) bool { return l[v] || l["key "+v] }

func (l leaves) add(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			l["key "+key] = true
			l.add(x)
		}
	case []any:
		for _, x := range v {
			l.add(x)
		}
	case cbor.Map:
		for _, x := range v {
			l.add(x)
		}
	case cbor.List:
		for _, x := range v {
			l.add(x)
		}
	case *cbor.Tag:
		l.add(v.Value)
	case cbor.Bool, *cbor.Nil, nil, bool:
	case cbor.Float64:
		l.number(strconv.FormatFloat(float64(v), 'f', -1, 64))
	case json.Number:
		l.number(v.String())
	default:
		l.text(fmt.Sprint(v))
	}
}

// number adds a number, which may stand for a time.
func (l leaves) number(s string) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		l[s] = true
		return
	}
	if f > 900_000_000 && f < 4_000_000_000 { // seconds since 1970
		l["time "+time.UnixMilli(int64(f*1000)).UTC().Format(time.RFC3339)] = true
		return
	}
	l[strconv.FormatFloat(f, 'f', -1, 64)] = true
}

// text adds a text; one that is a document is taken apart.
func (l leaves) text(s string) {
	if s == "" || s == "true" || s == "false" {
		return
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		l["time "+t.UTC().Format(time.RFC3339)] = true
		return
	}
	if plain, err := url.QueryUnescape(s); err == nil && strings.HasPrefix(plain, "{") {
		s = plain
	}
	if strings.HasPrefix(s, "{") && l.json([]byte(s)) {
		return
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		l.number(s)
		return
	}
	l[s] = true
}
