package canaries

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// model is what is needed of an API model.
type model struct {
	Metadata   struct{ ServiceID string }
	Operations map[string]struct{ Output struct{ Shape string } }
	Shapes     map[string]shape
}

type shape struct {
	Type       string
	Members    map[string]ref
	Member     ref
	Key, Value ref
}

type ref struct{ Shape string }

// shapes puts, for each operation that collectors call, the fullest answer that its shape
// allows into one more bag.
func (m *Made) shapes(ctx context.Context, h evidence.Header, models string) error {
	known, err := readModels(models)
	if err != nil {
		return err
	}
	return m.bag(ctx, h, func(w *evidence.Writer) error {
		done := map[string]bool{}
		for _, c := range collect.Catalogue() {
			for _, n := range c.Needs {
				service, op, _ := strings.Cut(n.Call, ":")
				if done[n.Call] || service == "Presigned" || n.Call == "S3:GetObject" {
					continue // downloads are kept as they are: no answer with members
				}
				done[n.Call] = true
				api := known[plain(service)]
				if api == nil {
					return fmt.Errorf("%s: no model of %s", n.Call, service)
				}
				o, ok := api.Operations[op]
				if !ok {
					return fmt.Errorf("%s: the model has no such operation", n.Call)
				}
				f := filler{m: m, api: api, artefact: c.Name, of: n.Call}
				doc := f.value(o.Output.Shape, "", nil)
				m.Ops++
				meta := evidence.Meta{Artefact: c.Name, Name: c.Name, Source: evidence.Source{ARN: h.Targets[0], Qualifier: n.Call, Region: bench.Region}, Started: h.Started, Ended: h.Started}
				if _, err := w.Put(ctx, meta, func(out io.Writer) error { _, err := out.Write(encoded(doc)); return err }); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// filler makes the fullest answer of one operation.
type filler struct {
	m            *Made
	api          *model
	artefact, of string
}

func (f *filler) value(name, at string, above []string) any {
	s := f.api.Shapes[name]
	for _, a := range above {
		if a == name {
			return map[string]any{} // shapes that hold themselves
		}
	}
	above = append(above[:len(above):len(above)], name)
	switch s.Type {
	case "structure":
		out, keys := map[string]any{}, map[string]any{}
		for k := range s.Members {
			keys[k] = nil
		}
		for _, k := range sorted(keys) {
			out[k] = f.value(s.Members[k].Shape, strings.TrimPrefix(at+"."+k, "."), above)
		}
		return out
	case "list":
		return []any{f.value(s.Member.Shape, at+"[]", above)}
	case "map":
		key := f.m.put(f.artefact, f.of, at+".{key}", true)
		return map[string]any{key: f.value(s.Value.Shape, at+".{value}", above)}
	case "timestamp":
		return "2026-01-31T06:00:00Z"
	case "boolean":
		return true
	case "integer", "long", "double", "float":
		return 7
	}
	return f.m.put(f.artefact, f.of, at, false) // string, blob
}

// plain is a service's id as calls and models both have it.
func plain(id string) string { return strings.ToLower(strings.ReplaceAll(id, " ", "")) }

func readModels(dir string) (map[string]*model, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json.gz"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("no API models in %s", dir))
	}
	out := map[string]*model{}
	for _, path := range files {
		m, err := readModel(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out[plain(m.Metadata.ServiceID)] = m
	}
	return out, nil
}

func readModel(path string) (*model, error) {
	f, err := os.Open(path) //nolint:gosec // of the folder that the test was given
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	m := &model{}
	return m, json.NewDecoder(z).Decode(m)
}
