package trailsql

import (
	"fmt"
	"strings"
	"time"
)

// Query is what is asked of a trail's records.
type Query struct {
	Accounts, Regions []string // the partitions; a table that has none of the kind is read whole
	Since, Until      time.Time
	Values            []string // records that name one of them; empty is every record
}

// Select is a statement, and what its rows are.
type Select struct {
	SQL string
	// Header are the names of the result's columns.
	Header []string
	// Lacks are the members of records that the table has no column for: they are not in the
	// records, and what stands in them is not found.
	Lacks []string
	// Unplaced are the table's partitions that could not be narrowed down.
	Unplaced []string

	fields []field // of a table's rows; nil: a row is a record's text
}

// Longest statements that AWS takes: StartQueryExecution and StartQuery in its API shapes.
const (
	maxAthena = 262144
	maxLake   = 10000
)

const stamp = "2006-01-02T15:04:05Z"

// lateDelivery: files are delivered in minutes as a rule; their keys carry the day of delivery.
const lateDelivery = 24 * time.Hour

func (q Query) check() error {
	if err := all("account", q.Accounts, accountID); err != nil {
		return err
	}
	if err := all("region", q.Regions, regionID); err != nil {
		return err
	}
	if q.Since.IsZero() || !q.Since.Before(q.Until) {
		return fmt.Errorf("%w: a window from %s to %s", ErrValue, q.Since.Format(stamp), q.Until.Format(stamp))
	}
	return nil
}

// Table makes the SELECT over an Athena table.
func Table(name string, t Layout, q Query) (Select, error) {
	database, table, err := SplitTable(name)
	if err != nil {
		return Select{}, err
	}
	if err := q.check(); err != nil {
		return Select{}, err
	}
	var s Select
	s.fields, s.Lacks = present(t.Columns)
	if len(s.fields) == 0 {
		return s, fmt.Errorf("%w: table %s has no column of CloudTrail's", ErrName, name)
	}
	where, unplaced := t.narrow(q)
	s.Unplaced = unplaced
	where = append(where, "eventtime >= "+literal(q.Since.UTC().Format(stamp)), "eventtime < "+literal(q.Until.UTC().Format(stamp)))
	from := fmt.Sprintf("\nFROM %q.%q\nWHERE %s", database, table, strings.Join(where, "\n  AND "))
	var named []string
	for _, f := range s.fields {
		s.Header = append(s.Header, f.alias())
		named = append(named, f.value()+" AS "+f.alias())
	}
	condition, err := anyOf("searched", q.Values)
	if err != nil {
		return s, err
	}
	if condition == "" {
		s.SQL = "SELECT " + strings.Join(named, ",\n  ") + from
	} else {
		s.SQL = "SELECT " + strings.Join(s.Header, ", ") + "\nFROM (\nSELECT " + strings.Join(named, ",\n  ") + ",\n  " + searched(s.fields) + " AS searched" + from + "\n) AS r\nWHERE " + condition
	}
	return s, short(s.SQL, maxAthena)
}

func short(sql string, most int) error {
	if n := len([]rune(sql)); n > most {
		return fmt.Errorf("%w: %d characters, and AWS takes %d: look for fewer values at once", ErrTooLong, n, most)
	}
	return nil
}

// value is a field in a result: text, whatever it was.
func (f field) value() string {
	switch f.kind {
	case flag:
		return "CAST(" + f.column() + " AS varchar)"
	case attributes:
		return "json_format(CAST(" + f.column() + " AS JSON))"
	case resources: // by name, for how a row becomes JSON differs between engines
		var names, members []string
		for _, m := range resourceMembers {
			names, members = append(names, literal(m)), append(members, "r."+strings.ToLower(m))
		}
		return "json_format(CAST(transform(" + f.column() + ", r -> map(ARRAY[" + strings.Join(names, ", ") + "], ARRAY[" + strings.Join(members, ", ") + "])) AS JSON))"
	}
	return f.column()
}

// searched is the JSON text of all strings of a row.
func searched(fields []field) string {
	var plain, more []string
	for _, f := range fields {
		c := f.column()
		switch f.kind {
		case text:
			plain = append(plain, c)
		case document:
			more = append(more, "coalesce(json_format(try(json_parse("+c+"))), json_format(CAST("+c+" AS JSON)), '')")
		case attributes:
			more = append(more, "coalesce(json_format(CAST("+c+" AS JSON)), '')")
		case resources:
			var members []string
			for _, m := range resourceMembers {
				members = append(members, "r."+strings.ToLower(m))
			}
			more = append(more, "coalesce(json_format(CAST(transform("+c+", r -> ARRAY["+strings.Join(members, ", ")+"]) AS JSON)), '')")
		}
	}
	return strings.Join(append([]string{"json_format(CAST(ARRAY[" + strings.Join(plain, ", ") + "] AS JSON))"}, more...), "\n    || ")
}

// Lake makes the SELECT over a CloudTrail Lake event data store, by its id. Its rows are the
// records as they were logged (column eventjson; CloudTrail User Guide, "Supported SQL schemas
// for event data stores"), so that nothing of a record is lacking.
func Lake(store string, q Query) (Select, error) {
	if !storeID.MatchString(store) {
		return Select{}, fmt.Errorf("%w: event data store %q; its id is wanted, the last part of its ARN", ErrName, store)
	}
	if err := q.check(); err != nil {
		return Select{}, err
	}
	const form = "TIMESTAMP '2006-01-02 15:04:05'"
	where := []string{
		"eventtime >= " + q.Since.UTC().Format(form), "eventtime < " + q.Until.UTC().Format(form),
		in("recipientaccountid", q.Accounts), in("awsregion", q.Regions),
	}
	condition, err := anyOf("coalesce(json_format(try(json_parse(eventjson))), eventjson)", q.Values)
	if err != nil {
		return Select{}, err
	}
	if condition != "" {
		where = append(where, condition)
	}
	s := Select{Header: []string{"eventjson"}, SQL: "SELECT eventjson\nFROM " + store + "\nWHERE " + strings.Join(where, "\n  AND ")}
	return s, short(s.SQL, maxLake)
}
