package trailsql

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Errors of what cannot be asked.
var (
	ErrValue   = errors.New("cannot be looked for")
	ErrName    = errors.New("not a name that SQL is made with")
	ErrTooLong = errors.New("the query is too long")
)

// maxValue bounds one value that is looked for: ARNs end at 2048 characters.
const maxValue = 2048

// literal is a string in SQL. In Trino's dialect nothing but the quote ends or changes one, and
// two stand for one. Values that come from outside are checked to be text before.
func literal(s string) string {
	if !strings.ContainsFunc(s, hides) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	// What hides, or moves a terminal, is spelled out: a statement is shown to people.
	var b strings.Builder
	b.WriteString("U&'")
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case hides(r):
			fmt.Fprintf(&b, `\+%06X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "'"
}

func hides(r rune) bool { return !unicode.IsPrint(r) }

var (
	tableName    = regexp.MustCompile(`^[a-z0-9_]{1,255}$`) // Glue Data Catalog, as Athena wants it
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	regionID     = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	organization = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`) // Organizations API reference, Organization.Id
	bucketID     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	keyPrefix    = regexp.MustCompile(`^[A-Za-z0-9!_.*()/=+@:-]*$`) // no quote, no backslash, no dollar, no control character
	storeID      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// all checks the members of a list, of which there has to be one.
func all(what string, list []string, form *regexp.Regexp) error {
	if len(list) == 0 {
		return fmt.Errorf("%w: no %s", ErrName, what)
	}
	for _, s := range list {
		if !form.MatchString(s) {
			return fmt.Errorf("%w: %s %q", ErrName, what, s)
		}
	}
	return nil
}

// SplitTable takes DATABASE.TABLE apart.
func SplitTable(name string) (database, table string, err error) {
	database, table, both := strings.Cut(name, ".")
	if !both || !tableName.MatchString(database) || !tableName.MatchString(table) {
		return "", "", fmt.Errorf("%w: table %q; DATABASE.TABLE is wanted, in lower case letters, digits and _", ErrName, name)
	}
	return database, table, nil
}

func in(column string, list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = literal(s)
	}
	return column + " IN (" + strings.Join(quoted, ", ") + ")"
}
