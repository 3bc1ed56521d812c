package mapping

import "github.com/freezeframe-ir/freezeframe/internal/alert"

// SchemaID names the JSON Schema of the file, which editors use.
const SchemaID = "urn:freezeframe:playbooks:1"

type object = map[string]any

// JSONSchema is the JSON Schema (2020-12) of the file. What it accepts still has to be read: whether a
// playbook is there and fit is beyond it.
func JSONSchema() map[string]any {
	some := func(items object) object { return object{"type": "array", "items": items} }
	pattern := object{"type": "string", "minLength": 1, "maxLength": maxPattern}
	rule := strict([]string{"name", "alerts", "playbook"}, object{
		"name":     object{"type": "string", "pattern": slug.String()},
		"alerts":   strict([]string{}, object{"kinds": some(object{"enum": kinds()}), "types": some(pattern), "severity": object{"enum": append([]string{""}, alert.Labels()...)}}),
		"playbook": object{"type": "string"},
	})
	out := strict([]string{"playbooks", "rules"}, object{"playbooks": object{"const": Schema}, "rules": object{"type": "array", "minItems": 1, "maxItems": maxRules, "items": rule}})
	out["$schema"], out["$id"], out["title"] = "https://json-schema.org/draft/2020-12/schema", SchemaID, "which playbook freezeframe runs for which alerts"
	return out
}

func strict(required []string, properties object) object {
	return object{"type": "object", "additionalProperties": false, "required": required, "properties": properties}
}
