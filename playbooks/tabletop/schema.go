package tabletop

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

// SchemaID names the JSON Schema of scenarios, which editors use.
const SchemaID = "urn:freezeframe:tabletop-scenario:1"

// object is a part of a JSON Schema.
type object = map[string]any

// Schema is the JSON Schema (2020-12) of scenario files, made of the types that the strict reader
// fills: a member that is none, one of another type and one that is missing are refused by both.
// What it accepts still has to lint: names that nobody has, points and spelling of calls are beyond
// it.
func Schema() map[string]any {
	b := &schemaOf{defs: object{}}
	out := b.members(reflect.TypeFor[Scenario]())
	out["$schema"], out["$id"], out["title"] = "https://json-schema.org/draft/2020-12/schema", SchemaID, "freezeframe tabletop scenario"
	out["$defs"] = b.defs
	return out
}

// schemaOf collects the structures that others refer to.
type schemaOf struct{ defs object }

func (b *schemaOf) of(t reflect.Type, where string) object {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return object{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`, "description": "such as 90s or 5m"}
	case t.Kind() == reflect.Pointer:
		return b.of(t.Elem(), where)
	}
	switch t.Kind() {
	case reflect.Struct:
		if _, ok := b.defs[t.Name()]; !ok {
			b.defs[t.Name()] = object{} // it may be part of itself
			b.defs[t.Name()] = b.members(t)
		}
		return object{"$ref": "#/$defs/" + t.Name()}
	case reflect.Slice:
		return object{"type": "array", "items": b.of(t.Elem(), where)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": b.of(t.Elem(), where)}
	case reflect.String:
		return limited(where, object{"type": "string"})
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return limited(where, object{"type": "integer"})
	case reflect.Interface:
		return object{}
	}
	panic(fmt.Sprintf("a scenario has a %s, which the schema does not know", t)) // a test builds it
}

func (b *schemaOf) members(t reflect.Type) object {
	props, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || f.Type == reflect.TypeFor[strictyaml.Position]() {
			continue
		}
		props[name] = b.of(f.Type, t.Name()+"."+name)
		if option == "required" {
			required = append(required, name)
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": props, "required": required}
}

// limited adds what the reader checks of a single value.
func limited(where string, s object) object {
	switch where {
	case "Scenario.scenario", "Role.id", "Option.id":
		s["pattern"] = slug.String()
	case "Rule.until":
		s["enum"] = []string{"denied"}
	case "NotedCheck.kind":
		s["enum"] = NoteKinds()
	case "Cost.points":
		s["minimum"] = 1
	case "Step.repeat":
		s["minimum"], s["maximum"] = 0, 100
	}
	return s
}
