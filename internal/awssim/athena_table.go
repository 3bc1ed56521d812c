package awssim

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// hiveType is a Hive type: string, boolean, struct, array, map.
type hiveType struct {
	name    string
	members []hiveMember
}

type hiveMember struct {
	name string
	kind hiveType
}

func (t hiveType) String() string {
	if len(t.members) == 0 {
		return t.name
	}
	parts := make([]string, len(t.members))
	for i, m := range t.members {
		if parts[i] = m.kind.String(); m.name != "" {
			parts[i] = m.name + ":" + parts[i]
		}
	}
	return t.name + "<" + strings.Join(parts, ",") + ">"
}

// athenaTable is an external table over objects of S3.
type athenaTable struct {
	database, name string
	columns, parts []hiveMember
	location       string
	properties     map[string]string
}

// parseCreateTable reads Hive's CREATE EXTERNAL TABLE, as far as tables of CloudTrail need it.
func parseCreateTable(text string) (*athenaTable, error) {
	tokens, err := sqlTokens(text)
	if err != nil {
		return nil, err
	}
	p := &sqlParser{tokens: tokens}
	t := &athenaTable{properties: map[string]string{}}
	if err := p.want("create", "external", "table"); err != nil {
		return nil, err
	}
	name, err := p.path()
	if err != nil || len(name) != 2 {
		return nil, &sqlError{"SYNTAX_ERROR", "freezeframe simulator: a table is named with its database"}
	}
	t.database, t.name = name[0], name[1]
	if t.columns, err = p.hiveMembers("(", ")", false); err != nil {
		return nil, err
	}
	for p.peek().kind != 0 {
		if err := p.clause(t); err != nil {
			return nil, err
		}
	}
	if t.location == "" {
		return nil, &sqlError{"SYNTAX_ERROR", "an external table wants a LOCATION"}
	}
	return t, nil
}

// clause reads one of those that follow the columns.
func (p *sqlParser) clause(t *athenaTable) (err error) {
	switch {
	case p.is("comment"):
		_, err = p.text()
	case p.is("partitioned"):
		if err = p.want("by"); err == nil {
			t.parts, err = p.hiveMembers("(", ")", false)
		}
	case p.is("row"):
		if err = p.want("format", "serde"); err == nil {
			_, err = p.text()
		}
	case p.is("stored"):
		if err = p.want("as", "inputformat"); err == nil {
			_, err = p.text()
		}
	case p.is("outputformat"):
		_, err = p.text()
	case p.is("location"):
		t.location, err = p.text()
	case p.is("tblproperties"):
		err = p.properties(t)
	default:
		err = p.wrong()
	}
	return err
}

func (p *sqlParser) properties(t *athenaTable) error {
	if err := p.want("("); err != nil {
		return err
	}
	for more := true; more; more = p.is(",") {
		key, err := p.text()
		if err == nil {
			err = p.want("=")
		}
		if err != nil {
			return err
		}
		if t.properties[key], err = p.text(); err != nil {
			return err
		}
	}
	return p.want(")")
}

// hiveMembers are names with types: of a table's columns, or of a structure, with a colon between.
func (p *sqlParser) hiveMembers(begin, end string, colon bool) (out []hiveMember, err error) {
	if err := p.want(begin); err != nil {
		return nil, err
	}
	for more := true; more; more = p.is(",") {
		var m hiveMember
		if m.name, err = p.name(); err != nil {
			return nil, err
		}
		if colon {
			if err = p.want(":"); err != nil {
				return nil, err
			}
		}
		if m.kind, err = p.hive(); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, p.want(end)
}

func (p *sqlParser) hive() (t hiveType, err error) {
	if p.depth++; p.depth > sqlDeepest {
		return t, p.wrong()
	}
	defer func() { p.depth-- }()
	if t.name, err = p.name(); err != nil {
		return t, err
	}
	switch t.name {
	case "string", "boolean":
	case "struct":
		t.members, err = p.hiveMembers("<", ">", true)
	case "array", "map":
		if err = p.want("<"); err != nil {
			return t, err
		}
		for more := true; more; more = p.is(",") {
			inner, err := p.hive()
			if err != nil {
				return t, err
			}
			t.members = append(t.members, hiveMember{"", inner})
		}
		err = p.want(">")
	default:
		err = &sqlError{"SYNTAX_ERROR", "freezeframe simulator: type " + t.name + " is not simulated"}
	}
	return t, err
}

// read is a member of a record as the table's SerDe gives it; names do not mind their case.
func (t hiveType) read(raw json.RawMessage) any {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	switch t.name {
	case "struct":
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil
		}
		return readMembers(t.members, members)
	case "array":
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return nil
		}
		out := []any{}
		for _, item := range items {
			out = append(out, t.members[0].kind.read(item))
		}
		return out
	case "map":
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil
		}
		out := sqlMap{}
		for k, v := range members {
			out[k] = t.members[1].kind.read(v)
		}
		return out
	case "boolean":
		return string(raw) == "true"
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw) // CloudTrail's input format makes text of objects
}

func readMembers(kinds []hiveMember, members map[string]json.RawMessage) sqlRow {
	lower := map[string]json.RawMessage{}
	for k, v := range members {
		lower[strings.ToLower(k)] = v
	}
	out := sqlRow{}
	for _, m := range kinds {
		out[m.name] = m.kind.read(lower[m.name])
	}
	return out
}

// object is an object of the table, with the values of its partitions.
type athenaObject struct {
	version    *s3Version
	partitions sqlRow
}

// objectsOf lists what lies where the table's template says, partitions projected: of an enum
// the values that it names. A table without a template is everything under its location.
func (t *athenaTable) objectsOf(b *s3Bucket) []athenaObject {
	template := t.properties["storage.location.template"]
	if template == "" || t.properties["projection.enabled"] != "true" {
		template = t.location
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(template, "s3://"), "/")
	pattern := regexp.QuoteMeta(path)
	for _, m := range t.parts {
		form := `([^/]+)`
		if t.properties["projection."+m.name+".format"] == "yyyy/MM/dd" {
			form = `([0-9]{4}/[0-9]{2}/[0-9]{2})`
		}
		pattern = strings.Replace(pattern, regexp.QuoteMeta("${"+m.name+"}"), "(?P<p_"+m.name+">"+form[1:], 1)
	}
	re := regexp.MustCompile("^" + strings.TrimSuffix(pattern, "/") + "/")
	var out []athenaObject
	for _, key := range sortedNames(b.objects) {
		v := b.version(key, "")
		m := re.FindStringSubmatch(key)
		if m == nil || v == nil || v.marker || strings.HasSuffix(key, "/") {
			continue
		}
		o := athenaObject{v, sqlRow{}}
		projected := true
		for _, part := range t.parts {
			value := m[max(0, re.SubexpIndex("p_"+part.name))]
			o.partitions[part.name] = value
			if t.properties["projection."+part.name+".type"] == "enum" {
				projected = projected && slices.Contains(strings.Split(t.properties["projection."+part.name+".values"], ","), value)
			}
		}
		if projected {
			out = append(out, o)
		}
	}
	return out
}

// rows are the records of an object that CloudTrail delivered.
func (t *athenaTable) rows(o athenaObject) ([]sqlRow, error) {
	data, err := gunzip(o.version.data)
	if err != nil {
		return nil, &sqlError{"HIVE_CURSOR_ERROR", "Failed to read file: " + o.version.key}
	}
	var file struct{ Records []map[string]json.RawMessage }
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&file); err != nil {
		return nil, &sqlError{"HIVE_CURSOR_ERROR", "Row is not a valid JSON Object: " + o.version.key}
	}
	var out []sqlRow
	for _, r := range file.Records {
		row := readMembers(t.columns, r)
		for name, v := range o.partitions {
			row[name] = v
		}
		out = append(out, row)
	}
	return out, nil
}

// shown are columns as a catalogue gives them.
func shownColumns(list []hiveMember) []athenatypes.Column {
	out := []athenatypes.Column{}
	for _, m := range list {
		out = append(out, athenatypes.Column{Name: aws.String(m.name), Type: aws.String(m.kind.String())})
	}
	return out
}
