package mandate

import "github.com/freezeframe-ir/freezeframe/internal/alert"

// SchemaID names the JSON Schema of mandates, which editors use.
const SchemaID = "urn:freezeframe:mandate:1"

type object = map[string]any

// JSONSchema is the JSON Schema (2020-12) of mandates, with the acts that there are. What it accepts still has
// to be read: zones, keys, and what fits together are beyond it.
func JSONSchema(acts []Act) map[string]any {
	word := object{"type": "string", "minLength": 1, "maxLength": 512}
	some := func(items object) object { return object{"type": "array", "minItems": 1, "items": items} }
	name := object{"type": "string", "pattern": slug.String()}
	tags := object{"type": "object", "additionalProperties": some(word)}
	moment := object{"type": "string", "format": "date-time"}
	clock := object{"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
	var kinds, bases, names []string
	for _, k := range alert.Kinds() {
		if k != alert.Unknown {
			kinds = append(kinds, string(k))
		}
	}
	for _, b := range alert.Bases() {
		bases = append(bases, string(b))
	}
	for _, a := range acts {
		names = append(names, a.Name)
	}
	rule := strict([]string{"name", "alerts", "functions", "acts", "limits", "expires"}, object{
		"name": name,
		"alerts": strict([]string{"kinds", "types"}, object{
			"kinds": some(object{"enum": kinds}), "types": some(word), "severity": object{"enum": alert.Labels()},
			"named_by": object{"type": "array", "items": object{"enum": bases}},
		}),
		"functions": strict([]string{"accounts", "regions", "names"}, object{
			"accounts": some(object{"type": "string", "pattern": accountForm.String()}), "regions": some(object{"type": "string", "pattern": regionForm.String()}),
			"names": some(word), "tags": tags, "except_tags": tags, "shared_role": object{"type": "integer", "minimum": 0},
		}),
		"hours": strict([]string{"zone", "from", "to"}, object{"zone": word, "days": object{"type": "array", "items": object{"enum": dayNames}}, "from": clock, "to": clock}),
		"acts": object{"type": "object", "additionalProperties": false, "minProperties": 1,
			"properties": object{"level": object{"enum": Levels()}, "names": object{"type": "array", "items": object{"enum": names}}}},
		"playbook":  name,
		"limits":    strict([]string{"per_function", "per_day"}, object{"per_function": object{"type": "integer", "minimum": 1}, "per_day": object{"type": "integer", "minimum": 1}}),
		"expires":   object{"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(h|m|s))+$"},
		"approvals": object{"type": "integer", "minimum": 0, "maximum": maxApprovals},
	})
	out := strict([]string{"mandate", "name", "valid", "rules"}, object{
		"mandate": object{"const": Schema}, "name": name, "about": object{"type": "string"},
		"valid":     strict([]string{"from", "until"}, object{"from": moment, "until": moment}),
		"approvers": object{"type": "array", "maxItems": maxApprovers, "items": strict([]string{"name", "key"}, object{"name": word, "key": object{"type": "string"}})},
		"rules":     object{"type": "array", "minItems": 1, "maxItems": maxRules, "items": rule},
	})
	out["$schema"], out["$id"], out["title"] = "https://json-schema.org/draft/2020-12/schema", SchemaID, "freezeframe mandate"
	return out
}

func strict(required []string, properties object) object {
	return object{"type": "object", "additionalProperties": false, "required": required, "properties": properties}
}
