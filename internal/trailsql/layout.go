package trailsql

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Layout is what a catalogue says of a table.
type Layout struct {
	Columns    []Column
	Partitions []string          // names of the partition columns
	Properties map[string]string // TBLPROPERTIES
}

// OurLayout is that of a table that the text of DDL makes.
func OurLayout() Layout {
	return Layout{Columns: Columns(), Partitions: []string{"account", "region", "day"}, Properties: map[string]string{"projection.day.format": "yyyy/MM/dd"}}
}

// What partition columns of CloudTrail's tables are called, here and by others.
var (
	accountColumns = []string{"account", "accountid", "account_id", "aws_account_id", "acct"}
	regionColumns  = []string{"region", "aws_region", "region_name"}
	dayColumns     = []string{"day", "date", "dt", "timestamp", "eventdate", "event_date", "partition_date"}
)

// dayForms are the forms of a day in one column, as projection properties write them.
var dayForms = map[string]string{"yyyy/MM/dd": "2006/01/02", "yyyy-MM-dd": "2006-01-02", "yyyyMMdd": "20060102"}

// days are the first and the last day of delivery of a window's records.
func (q Query) days() (first, last time.Time) {
	return q.Since.UTC().Truncate(24 * time.Hour), q.Until.UTC().Add(lateDelivery).Truncate(24 * time.Hour)
}

// narrow makes the conditions on the partitions, and names those that it finds none for.
func (t Layout) narrow(q Query) (where, unplaced []string) {
	first, last := q.days()
	apart := t.has("year") && t.has("month") && t.has("day")
	for _, name := range t.Partitions {
		form := dayForms[t.Properties["projection."+name+".format"]]
		switch {
		case !tableName.MatchString(name):
			unplaced = append(unplaced, name)
		case slices.Contains(accountColumns, name):
			where = append(where, in(quoted(name), q.Accounts))
		case slices.Contains(regionColumns, name):
			where = append(where, in(quoted(name), q.Regions))
		case apart && name == "year":
			where = append(where, byMonth(first, last))
		case apart && (name == "month" || name == "day"):
		case slices.Contains(dayColumns, name) && form != "":
			where = append(where, fmt.Sprintf("%s BETWEEN %s AND %s", quoted(name), literal(first.Format(form)), literal(last.Format(form))))
		default:
			unplaced = append(unplaced, name)
		}
	}
	return where, unplaced
}

// quoted: names such as day, date and timestamp mean something to SQL too.
func quoted(name string) string { return `"` + name + `"` }

func (t Layout) has(partition string) bool { return slices.Contains(t.Partitions, partition) }

// byMonth is the condition on year, month and day in columns of their own.
func byMonth(first, last time.Time) string {
	var months []string
	for at := first; !at.After(last); {
		var days []string
		month := at.Format("2006-01")
		for ; !at.After(last) && at.Format("2006-01") == month; at = at.AddDate(0, 0, 1) {
			days = append(days, at.Format("02"))
		}
		months = append(months, fmt.Sprintf(`("year" = %s AND "month" = %s AND %s)`, literal(month[:4]), literal(month[5:]), in(`"day"`, days)))
	}
	return "(" + strings.Join(months, " OR ") + ")"
}

// Prefixes are the places in S3 that a query reads, by the table's own template: bucket and
// prefix of each. False: the table has no template that can be followed.
func (t Layout) Prefixes(q Query) (bucket string, prefixes []string, ok bool) {
	template := t.Properties["storage.location.template"]
	bucket, path, ok := strings.Cut(strings.TrimPrefix(template, "s3://"), "/")
	if !ok || !strings.HasPrefix(template, "s3://") || !bucketID.MatchString(bucket) {
		return "", nil, false
	}
	prefixes = []string{path}
	for _, name := range t.Partitions {
		var values []string
		switch {
		case slices.Contains(accountColumns, name):
			values = q.Accounts
		case slices.Contains(regionColumns, name):
			values = q.Regions
		case slices.Contains(dayColumns, name) && dayForms[t.Properties["projection."+name+".format"]] != "":
			first, last := q.days()
			for at := first; !at.After(last); at = at.AddDate(0, 0, 1) {
				values = append(values, at.Format(dayForms[t.Properties["projection."+name+".format"]]))
			}
		}
		prefixes = filled(prefixes, "${"+name+"}", values)
	}
	for i, p := range prefixes {
		if strings.Contains(p, "${") {
			return "", nil, false
		}
		prefixes[i] = strings.TrimSuffix(p, "/") + "/"
	}
	return bucket, prefixes, true
}

// filled puts each of the values in the place that a name holds.
func filled(paths []string, name string, values []string) []string {
	if len(values) == 0 {
		return paths
	}
	var out []string
	for _, p := range paths {
		if !strings.Contains(p, name) {
			out = append(out, p)
			continue
		}
		for _, v := range values {
			out = append(out, strings.ReplaceAll(p, name, v))
		}
	}
	return out
}
