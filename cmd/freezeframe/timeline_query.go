package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// queryFlags are those of `timeline build` that ask an engine for records first.
func queryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source", Usage: "athena or lake: ask there for records first; they land in the case"},
		&cli.GenericFlag{Name: "about", Value: &texts{}, Usage: "records that name this function, role, key, address or principal (may be repeated; --function adds its own); default: all of the window"},
		&cli.StringSliceFlag{Name: "account", Usage: "account whose records are asked for (may be repeated); default: the session's"},
		&cli.StringSliceFlag{Name: "in-region", Usage: "region whose records are asked for (may be repeated); default: the session's, and where global services record"},
		&cli.StringFlag{Name: "table", Usage: "athena: DATABASE.TABLE over the trail's bucket"},
		&cli.StringFlag{Name: "workgroup", Usage: "athena: workgroup, with a place for results or with --output-location"},
		&cli.StringFlag{Name: "output-location", Usage: "athena: s3://BUCKET/PREFIX where Athena writes the results; it has to be there"},
		&cli.StringFlag{Name: "event-data-store", Usage: "lake: id or ARN of the event data store"},
		&cli.StringFlag{Name: "max-scan", Usage: "bytes that a query may read; 0 is no limit", Value: "100GB"},
		&cli.Float64Flag{Name: "price-per-tb", Usage: "what a terabyte costs that is read: assumed, look up your region's", Value: 5},
		&cli.BoolFlag{Name: "print-ddl", Usage: "athena: print the statement that makes the table, and do nothing else"},
		&cli.BoolFlag{Name: "print-sql", Usage: "print the query, and do nothing else"},
		&cli.StringFlag{Name: "trail-bucket", Usage: "with --print-ddl: s3://BUCKET/PREFIX that the trail delivers to"},
		&cli.StringFlag{Name: "organization", Usage: "with --print-ddl: o-... where an organization's trail delivers"},
	}
}

// texts are the values of a flag as they were typed: a StringSliceFlag splits them at commas,
// which names may have, and trims them.
type texts []string

// Set adds a value.
func (t *texts) Set(v string) error {
	*t = append(*t, v)
	return nil
}

func (t *texts) String() string { return strings.Join(*t, " ") }

// defaultWindow is how far back an engine is asked without --since.
const defaultWindow = 7 * 24 * time.Hour

// engineQuestion is what the flags ask.
func (p *program) engineQuestion(c *cli.Context) (collect.QueryOptions, error) {
	o := collect.QueryOptions{Engine: c.String("source"), Table: c.String("table"), WorkGroup: c.String("workgroup"), OutputLocation: c.String("output-location")}
	hint := "freezeframe timeline build --source athena --table audit.cloudtrail --output-location s3://BUCKET/PREFIX --function NAME"
	printing := c.Bool("print-ddl") || c.Bool("print-sql")
	switch {
	case o.Engine != collect.Athena && o.Engine != collect.Lake:
		return o, ui.UsageHint(hint, "--source is %q; athena or lake is wanted", o.Engine)
	case c.NArg() > 0:
		return o, ui.UsageHint(hint, "--source asks an engine, and files are named too: %s", c.Args().First())
	case o.Engine == collect.Lake && c.Bool("print-ddl"):
		return o, ui.UsageHint("freezeframe timeline build --source lake --print-sql", "--print-ddl: an event data store is no table to be made")
	case o.Engine == collect.Athena && o.Table == "":
		return o, ui.UsageHint(hint, "--table is missing: DATABASE.TABLE; --print-ddl prints the statement that makes one")
	case o.Engine == collect.Lake && c.String("event-data-store") == "":
		return o, ui.UsageHint("freezeframe timeline build --source lake --event-data-store ID", "--event-data-store is missing")
	case o.Engine == collect.Athena && !printing && o.WorkGroup == "" && o.OutputLocation == "":
		return o, ui.UsageHint(hint, "where Athena is to write its results is missing: --output-location or --workgroup; nothing is created")
	case o.OutputLocation != "" && !strings.HasPrefix(o.OutputLocation, "s3://"):
		return o, ui.UsageHint(hint, "--output-location is %q; s3://BUCKET/PREFIX is wanted", o.OutputLocation)
	}
	store := c.String("event-data-store")
	o.Store = store[strings.LastIndexByte(store, '/')+1:]
	var err error
	if o.MaxScan, err = sizeOf(c.String("max-scan")); err != nil {
		return o, ui.Usage("--max-scan %w", err)
	}
	o.Ask, err = p.engineWindow(c)
	return o, err
}

func (p *program) engineWindow(c *cli.Context) (trailsql.Query, error) {
	now := time.Now().UTC()
	q := trailsql.Query{Accounts: c.StringSlice("account"), Regions: c.StringSlice("in-region"), Values: slices.Clone(*c.Generic("about").(*texts))}
	var err error
	if q.Since, err = moment(c.String("since"), now); err != nil {
		return q, ui.Usage("--since %w", err)
	}
	if q.Until, err = moment(c.String("until"), now); err != nil {
		return q, ui.Usage("--until %w", err)
	}
	if q.Until.IsZero() {
		q.Until = now.Truncate(time.Second).Add(time.Second) // records bear whole seconds, and the end is not of the window
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-defaultWindow)
	}
	if f := c.String("function"); f != "" {
		if t, err := collect.ParseTarget("000000000000", "us-east-1", f); err == nil {
			f = t.Function
		} else if i := strings.LastIndexByte(f, ':'); i >= 0 {
			return q, ui.Usage("--function %w", err)
		}
		q.Values = append(q.Values, f)
	}
	return q, nil
}

// printQuery prints what would be asked. It is a text of ours, and asks AWS nothing.
func (p *program) printQuery(c *cli.Context, o collect.QueryOptions) error {
	if len(o.Ask.Accounts) == 0 || len(o.Ask.Regions) == 0 {
		return ui.UsageHint("freezeframe timeline build --source "+o.Engine+" --print-sql --account 111122223333 --in-region eu-west-1", "--account and --in-region are needed: nobody is asked")
	}
	var text string
	var err error
	if c.Bool("print-ddl") {
		text, err = p.ddl(c, o)
	} else {
		var s trailsql.Select
		if o.Engine == collect.Lake {
			s, err = trailsql.Lake(o.Store, o.Ask)
		} else {
			s, err = trailsql.Table(o.Table, trailsql.OurLayout(), o.Ask)
		}
		text = s.SQL + "\n"
	}
	if err != nil {
		return ui.Usage("%w", err)
	}
	_, err = fmt.Fprint(p.s.Out, text)
	return err
}

func (p *program) ddl(c *cli.Context, o collect.QueryOptions) (string, error) {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(c.String("trail-bucket"), "s3://"), "/")
	if bucket == "" {
		return "", fmt.Errorf("--trail-bucket is missing: s3://BUCKET/PREFIX that the trail delivers to")
	}
	from := o.Ask.Since
	if c.String("since") == "" {
		from = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return trailsql.DDL(trailsql.MadeTable{Name: o.Table, Place: trailsql.Place{Bucket: bucket, Prefix: prefix, Organization: c.String("organization")}, Accounts: o.Ask.Accounts, Regions: o.Ask.Regions, From: from})
}

// askEngine puts the records that an engine finds into the case. done: that was all.
func (p *program) askEngine(c *cli.Context) (done bool, err error) {
	if c.String("source") == "" {
		for _, f := range queryFlags()[1:] {
			if c.IsSet(f.Names()[0]) {
				return false, ui.UsageHint("freezeframe timeline build --source athena --help", "--%s is for --source athena or lake", f.Names()[0])
			}
		}
		return false, nil
	}
	o, err := p.engineQuestion(c)
	if err != nil {
		return false, err
	}
	if c.Bool("print-ddl") || c.Bool("print-sql") {
		return true, p.printQuery(c, o)
	}
	opened, err := p.openCase(c)
	if err != nil {
		return false, err
	}
	s, err := p.connect(c, opened, true)
	if err != nil {
		return false, err
	}
	if len(o.Ask.Accounts) == 0 {
		o.Ask.Accounts = []string{s.Identity.Account}
	}
	if len(o.Ask.Regions) == 0 {
		o.Ask.Regions = collect.RecordedRegions(s.Region)
	}
	price := c.Float64("price-per-tb")
	o.Tell = func(x collect.Scan) { p.tellScan(x, o.MaxScan, price) }
	bag, sum, _, err := collect.Query(c.Context, s, opened, header(localUser()), o)
	if err == nil && !p.s.Quiet {
		fmt.Fprintf(p.s.Err, "records are in bag %s (%s)\n", bag.ID(), sum.Status())
	}
	return false, err
}

// tellScan says what a query reads and costs, before and after it ran.
func (p *program) tellScan(x collect.Scan, limit int64, price float64) {
	switch {
	case p.s.Quiet:
	case x.Ran:
		fmt.Fprintf(p.s.Err, "%s; %d bytes were read: about $%s at an assumed $%g a terabyte\n", ui.Plural(x.Records, "record"), x.Scanned, cost(x.Scanned, price), price)
	case x.Estimated:
		fmt.Fprintf(p.s.Err, "an estimated %d bytes will be read (sizes of what lies in the bucket; the limit is %d): about $%s at an assumed $%g a terabyte\n", x.Estimate, limit, cost(x.Estimate, price), price)
	default:
		fmt.Fprintf(p.s.Err, "what will be read cannot be estimated: %s; the query is stopped when it read more than %d bytes\n", safetext.Escape(x.Why), limit)
	}
}

// cost is that of a query: ten megabytes at least, as AWS counts.
func cost(bytes int64, price float64) string {
	return strconv.FormatFloat(math.Ceil(float64(max(bytes, 10e6))/1e12*price*1e4)/1e4, 'f', 4, 64)
}

// sizeOf reads a number of bytes: 500MB, 100GB, 2TB, or digits alone.
func sizeOf(s string) (int64, error) {
	for i, unit := range []string{"KB", "MB", "GB", "TB"} {
		if number, is := strings.CutSuffix(strings.ToUpper(s), unit); is {
			n, err := strconv.ParseInt(number, 10, 64)
			factor := int64(math.Pow10(3 * (i + 1)))
			if err != nil || n < 0 || n > math.MaxInt64/factor {
				return 0, fmt.Errorf("%q is not a size such as 100GB", s)
			}
			return n * factor, nil
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a size such as 100GB", s)
	}
	return n, nil
}
