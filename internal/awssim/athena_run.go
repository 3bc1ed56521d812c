package awssim

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"regexp"
)

func gunzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxS3Object))
}

// sqlResult is what a query came to.
type sqlResult struct {
	header  []string
	rows    [][]*string
	scanned int64
}

// sqlScan gives the rows of what a query reads, and says how many bytes that was. wanted
// says of partitions whether they are read.
type sqlScan func(from []string, wanted func(partitions sqlRow) (bool, error)) (rows []sqlRow, columns []string, scanned int64, err error)

// runSelect runs a SELECT that was read.
func runSelect(s *sqlSelect, scan sqlScan) (*sqlResult, error) {
	out, rows, err := s.run(scan, map[string]*regexp.Regexp{})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		var line []*string
		for _, name := range out.header {
			switch v := row[name].(type) {
			case nil:
				line = append(line, nil)
			default:
				text, err := castSQL(v, "varchar")
				if err != nil {
					return nil, &sqlError{"NOT_SUPPORTED", "freezeframe simulator: a result that is no text is not simulated"}
				}
				s := text.(string)
				line = append(line, &s)
			}
		}
		out.rows = append(out.rows, line)
	}
	return out, nil
}

func (s *sqlSelect) run(scan sqlScan, cache map[string]*regexp.Regexp) (*sqlResult, []sqlRow, error) {
	out := &sqlResult{}
	rows, columns, err := s.read(out, scan, cache)
	if err != nil {
		return nil, nil, err
	}
	for _, item := range s.items {
		out.header = append(out.header, item.name)
	}
	if err := s.resolve(columns); err != nil {
		return nil, nil, err
	}
	var kept []sqlRow
	for _, row := range rows {
		env := &sqlEnv{row: row, cache: cache}
		keep := any(true)
		if s.where != nil {
			if keep, err = env.eval(s.where); err != nil {
				return nil, nil, err
			}
		}
		if keep != true {
			continue
		}
		selected := sqlRow{}
		for _, item := range s.items {
			if selected[item.name], err = env.eval(item.expr); err != nil {
				return nil, nil, err
			}
		}
		kept = append(kept, selected)
	}
	return out, kept, nil
}

// read gives the rows that the SELECT is from.
func (s *sqlSelect) read(out *sqlResult, scan sqlScan, cache map[string]*regexp.Regexp) (rows []sqlRow, columns []string, err error) {
	if s.inner == nil {
		rows, columns, out.scanned, err = scan(s.from, s.partitions(cache))
		return rows, columns, err
	}
	inner, rows, err := s.inner.run(scan, cache)
	if err != nil {
		return nil, nil, err
	}
	out.scanned = inner.scanned
	return rows, inner.header, nil
}

// resolve finds columns that are not there also where there are no rows.
func (s *sqlSelect) resolve(columns []string) error {
	known := map[string]bool{}
	for _, c := range columns {
		known[c] = true
	}
	for _, e := range append([]sqlExpr{s.where}, exprsOf(s.items)...) {
		for name := range namesIn(e, nil) {
			if !known[name] {
				return &sqlError{"COLUMN_NOT_FOUND", "Column '" + name + "' cannot be resolved"}
			}
		}
	}
	return nil
}

func exprsOf(items []sqlItem) []sqlExpr {
	var out []sqlExpr
	for _, i := range items {
		out = append(out, i.expr)
	}
	return out
}

// namesIn are the columns that an expression looks at, lambdas' own names aside.
func namesIn(e sqlExpr, bound map[string]bool) map[string]bool {
	out := map[string]bool{}
	switch x := e.(type) {
	case sqlColumn:
		if !bound[x.path[0]] {
			out[x.path[0]] = true
		}
	case sqlCall:
		for _, a := range x.args {
			maps.Copy(out, namesIn(a, bound))
		}
	case sqlCast:
		return namesIn(x.expr, bound)
	case sqlLambda:
		inner := maps.Clone(bound)
		if inner == nil {
			inner = map[string]bool{}
		}
		inner[x.name] = true
		return namesIn(x.body, inner)
	}
	return out
}

// partitions says of a partition's values whether the conditions that look at nothing else
// hold: only then is it read.
func (s *sqlSelect) partitions(cache map[string]*regexp.Regexp) func(sqlRow) (bool, error) {
	var conditions []sqlExpr
	if all, is := s.where.(sqlCall); is && all.name == "and" {
		conditions = all.args
	} else if s.where != nil {
		conditions = []sqlExpr{s.where}
	}
	return func(row sqlRow) (bool, error) {
	next:
		for _, c := range conditions {
			for name := range namesIn(c, nil) {
				if _, is := row[name]; !is {
					continue next
				}
			}
			env := &sqlEnv{row: row, cache: cache}
			if keep, err := env.eval(c); keep != true || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}
