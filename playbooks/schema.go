package playbooks

import "fmt"

// SchemaID names the JSON Schema of playbooks, which editors use.
const SchemaID = "urn:freezeframe:playbook:1"

// object is a part of a JSON Schema.
type object = map[string]any

// Schema is the JSON Schema (2020-12) of playbook files, made of the catalogue of verbs. What it
// accepts still has to lint: references and the order of steps are beyond it.
func Schema() map[string]any {
	text := object{"type": "string"}
	texts := object{"type": "array", "items": text}
	steps := object{"type": "array", "minItems": 1, "items": object{"$ref": "#/$defs/step"}}
	section := func(about string) object { return object{"type": "string", "description": about} }
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SchemaID, "title": "freezeframe playbook",
		"type": "object", "additionalProperties": false, "required": []string{"playbook", "title", "steps"},
		"properties": object{
			"playbook": object{"type": "string", "pattern": slug.String(), "description": "its name"},
			"title":    section("one line"), "about": section("for people"),
			"runbook": object{"type": "object", "additionalProperties": false, "properties": object{
				"threats": object{"type": "array", "items": object{"type": "integer", "minimum": 1, "maximum": 28}, "description": "rows of the threat matrix"},
				"attack":  texts, "references": texts, "triage": texts, "roles": object{"type": "object", "additionalProperties": text},
				"scope": section("what it is for, and what not"), "severity": section("how bad, and by what one sees it"), "detect": text, "contain": text, "eradicate": text,
				"recover": text, "post_incident": text,
			}},
			"inputs": object{"type": "object", "propertyNames": object{"pattern": paramName.String()}, "additionalProperties": object{
				"type": "object", "additionalProperties": false, "required": []string{"type"},
				"properties": object{"type": object{"enum": inputTypes}, "about": text, "required": object{"type": "boolean"}, "default": true},
			}},
			"outputs": object{"type": "object", "propertyNames": object{"pattern": paramName.String()}, "additionalProperties": object{"type": "string", "pattern": reference.String()}},
			"resume":  steps, "steps": steps,
		},
		"$defs": object{"step": stepSchema(text, steps), "reference": object{"type": "string", "pattern": reference.String()}},
	}
}

func stepSchema(text, steps object) object {
	var phases, verbs []string
	for _, p := range Phases() {
		phases = append(phases, string(p))
	}
	condition := object{"type": "string", "description": "fields = != ~ in values, and, or, not: inputs.NAME, steps.ID.RESULT, steps.ID.status, each.ID"}
	var kinds []object
	for _, v := range Verbs() {
		verbs = append(verbs, v.Name)
		kinds = append(kinds, object{
			"if":   object{"properties": object{kindVerb: object{"const": v.Name}}, "required": []string{kindVerb}},
			"then": object{"properties": object{"with": argumentsSchema(v)}},
		})
	}
	only := func(kind string, and ...string) object {
		return object{"required": append([]string{kind}, and...)}
	}
	return object{
		"type": "object", "additionalProperties": false, "required": []string{"id"},
		"properties": object{
			"id": object{"type": "string", "pattern": slug.String()}, "about": text, "phase": object{"enum": phases}, "when": condition,
			"timeout": durationSchema(), "retries": object{"type": "integer", "minimum": 0, "maximum": maxRetries},
			"on_failure": object{"oneOf": []object{
				{"enum": []string{string(Stop), string(Continue), string(Undo)}},
				{"type": "object", "additionalProperties": false, "required": []string{"goto"}, "properties": object{"goto": text}},
			}},
			"override": object{"type": "string", "description": "why the account may be changed before what is changed was sealed: enters the ledger"},
			kindVerb:   object{"enum": verbs}, kindSub: text, "with": object{"type": "object"},
			kindBranch: object{"type": "array", "minItems": 1, "items": object{
				"type": "object", "additionalProperties": false, "required": []string{"when", "steps"}, "properties": object{"when": condition, "steps": steps},
			}},
			"else": steps,
			kindParallel: object{"type": "array", "minItems": 2, "maxItems": maxAtOnce, "items": object{
				"type": "object", "additionalProperties": false, "required": []string{"steps"}, "properties": object{"steps": steps},
			}},
			kindEach: object{"oneOf": []object{{"$ref": "#/$defs/reference"}, {"type": "array", "items": text}}},
			"limit":  object{"type": "integer", "minimum": 1, "maximum": maxAtOnce}, "most": object{"type": "integer", "minimum": 1, "maximum": maxTurns}, "steps": steps,
		},
		"oneOf": []object{only(kindVerb), only(kindSub), only(kindBranch), only(kindParallel), only(kindEach, "most", "steps")},
		"allOf": kinds,
	}
}

func argumentsSchema(v Verb) object {
	props, required := object{}, []string{}
	for _, p := range v.With {
		props[p.Name] = object{"description": p.About, "anyOf": append([]object{{"$ref": "#/$defs/reference"}}, literalSchema(p)...)}
		if p.Required {
			required = append(required, p.Name)
		}
	}
	return object{"type": "object", "description": v.About, "additionalProperties": false, "properties": props, "required": required}
}

// literalSchema is the literal form of a parameter, if it has one.
func literalSchema(p Param) []object {
	text := object{"type": "string"}
	if len(p.Values) > 0 {
		text = object{"enum": p.Values}
	}
	switch p.Type {
	case Text:
		return []object{text}
	case Texts:
		return []object{{"type": "array", "items": text}}
	case Number:
		return []object{{"type": "integer"}}
	case Bool:
		return []object{{"type": "boolean"}}
	case Duration:
		return []object{durationSchema()}
	}
	return nil
}

func durationSchema() object {
	return object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`, "description": fmt.Sprintf("such as 90m or 72h; at most %s", maxTimeout)}
}
