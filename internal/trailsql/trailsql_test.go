package trailsql

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// documented is AWS's table for CloudTrail with partition projection, column by column, written
// down from the Athena User Guide, "Create a table for CloudTrail logs in Athena using
// partition projection" (docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html).
var documented = []string{
	"eventversion string",
	"useridentity.type string", "useridentity.principalid string", "useridentity.arn string", "useridentity.accountid string",
	"useridentity.invokedby string", "useridentity.accesskeyid string", "useridentity.username string",
	"useridentity.onbehalfof.userid string", "useridentity.onbehalfof.identitystorearn string",
	"useridentity.sessioncontext.attributes.mfaauthenticated string", "useridentity.sessioncontext.attributes.creationdate string",
	"useridentity.sessioncontext.sessionissuer.type string", "useridentity.sessioncontext.sessionissuer.principalid string",
	"useridentity.sessioncontext.sessionissuer.arn string", "useridentity.sessioncontext.sessionissuer.accountid string",
	"useridentity.sessioncontext.sessionissuer.username string", "useridentity.sessioncontext.ec2roledelivery string",
	"useridentity.sessioncontext.webidfederationdata.federatedprovider string",
	"useridentity.sessioncontext.webidfederationdata.attributes map<string,string>",
	"eventtime string", "eventsource string", "eventname string", "awsregion string", "sourceipaddress string", "useragent string",
	"errorcode string", "errormessage string", "requestparameters string", "responseelements string", "additionaleventdata string",
	"requestid string", "eventid string", "readonly string", "resources array<struct<arn:string,accountid:string,type:string>>",
	"eventtype string", "apiversion string", "recipientaccountid string", "serviceeventdetails string", "sharedeventid string",
	"vpcendpointid string", "vpcendpointaccountid string", "eventcategory string",
	"addendum.reason string", "addendum.updatedfields string", "addendum.originalrequestid string", "addendum.originaleventid string",
	"sessioncredentialfromconsole string", "edgedevicedetails string",
	"tlsdetails.tlsversion string", "tlsdetails.ciphersuite string", "tlsdetails.clientprovidedhostheader string",
}

// ours are the columns that AWS's table lacks: inScopeOf by the CloudTrail User Guide,
// "userIdentity element", and by records; the others by the same page and by "Supported SQL
// schemas for event data stores".
var ours = []string{
	"useridentity.inscopeof.issuertype string", "useridentity.inscopeof.credentialsissuedto string", "useridentity.inscopeof.credentialsissuedtoversion string",
	"useridentity.inscopeof.sourcearn string", "useridentity.inscopeof.sourceaccount string",
	"useridentity.identityprovider string", "useridentity.credentialid string",
	"useridentity.sessioncontext.attributes.sessioncredentialfromconsole string",
	"useridentity.sessioncontext.sourceidentity string", "useridentity.sessioncontext.signinsessionarn string", "useridentity.sessioncontext.ec2issuedinvpc string",
	"managementevent string", "annotation string",
}

var query = Query{Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1", "us-east-1"}, Since: time.Date(2026, 2, 27, 10, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}

// leaves are a table's columns, structures taken apart.
func leaves(t *testing.T, ddl string) []string {
	t.Helper()
	body := ddl[strings.Index(ddl, "(\n")+2 : strings.Index(ddl, "\n)\n")]
	var out []string
	var walk func(path string, x Type)
	walk = func(path string, x Type) {
		if x.Name != "struct" {
			out = append(out, path+" "+x.String())
			return
		}
		for _, m := range x.Members {
			walk(path+"."+m.Name, m.Type)
		}
	}
	for line := range strings.SplitSeq(body, ",\n") {
		name, text, found := strings.Cut(strings.TrimSpace(line), " ")
		x, err := ParseType(text)
		if !found || err != nil || x.String() != text {
			t.Fatalf("column %q: %v, read back as %s", line, err, x)
		}
		walk(strings.Trim(name, "`"), x)
	}
	return out
}

// TestDDLHasEveryDocumentedColumn: AWS's columns with their types, ours beside them, no others.
func TestDDLHasEveryDocumentedColumn(t *testing.T) {
	text, err := DDL(MadeTable{Name: "audit.trail", Place: Place{Bucket: "logs"}, Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}, From: query.Since})
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(documented), ours...)
	got := leaves(t, text)
	for _, c := range want {
		if !slices.Contains(got, c) {
			t.Errorf("the table lacks %q", c)
		}
	}
	for _, c := range got {
		if !slices.Contains(want, c) {
			t.Errorf("the table has %q, which is neither AWS's nor one of ours", c)
		}
	}
	if len(documented) != 52 {
		t.Errorf("%d documented columns", len(documented))
	}
}

func TestDDLPlaces(t *testing.T) {
	for _, c := range []struct {
		place Place
		root  string
	}{
		{Place{Bucket: "logs"}, "s3://logs/AWSLogs/"},
		{Place{Bucket: "logs", Prefix: "/a/b/"}, "s3://logs/a/b/AWSLogs/"},
		{Place{Bucket: "logs", Prefix: "a", Organization: "o-exampleorgid"}, "s3://logs/a/AWSLogs/o-exampleorgid/"},
	} {
		text, err := DDL(MadeTable{Name: "audit.trail", Place: c.place, Accounts: []string{"111122223333", "444455556666"}, Regions: []string{"eu-west-1", "us-east-1"}, From: query.Since})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"CREATE EXTERNAL TABLE `audit`.`trail` (", "\nLOCATION '" + c.root + "'\n", "'storage.location.template'='" + c.root + "${account}/CloudTrail/${region}/${day}'",
			"'projection.account.values'='111122223333,444455556666'", "'projection.region.values'='eu-west-1,us-east-1'", "'projection.day.format'='yyyy/MM/dd'", "'projection.day.range'='2026/02/27,NOW'",
			"PARTITIONED BY (`account` string, `region` string, `day` string)", "'com.amazon.emr.cloudtrail.CloudTrailInputFormat'", "'org.apache.hive.hcatalog.data.JsonSerDe'",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: no %q in\n%s", c.place, want, text)
			}
		}
	}
}

// TestNamesCannotBreakOut: what stands in a statement as a name is a name, or there is no statement.
func TestNamesCannotBreakOut(t *testing.T) {
	good := MadeTable{Name: "audit.trail", Place: Place{Bucket: "logs"}, Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}, From: query.Since}
	for what, edit := range map[string]func(*MadeTable, *Query){
		"table":        func(m *MadeTable, _ *Query) { m.Name = "audit.trail` (x" },
		"no database":  func(m *MadeTable, _ *Query) { m.Name = "trail" },
		"two dots":     func(m *MadeTable, _ *Query) { m.Name = "a.b.c" },
		"bucket":       func(m *MadeTable, _ *Query) { m.Place.Bucket = "lo'gs" },
		"prefix":       func(m *MadeTable, _ *Query) { m.Place.Prefix = "a' b" },
		"template":     func(m *MadeTable, _ *Query) { m.Place.Prefix = "${day}" },
		"organization": func(m *MadeTable, _ *Query) { m.Place.Organization = "o-x'" },
		"account":      func(m *MadeTable, q *Query) { m.Accounts = []string{"1' OR '1'='1"}; q.Accounts = m.Accounts },
		"region":       func(m *MadeTable, q *Query) { m.Regions = []string{"eu-west-1'"}; q.Regions = m.Regions },
		"no region":    func(m *MadeTable, q *Query) { m.Regions = nil; q.Regions = nil },
	} {
		m, q := good, query
		edit(&m, &q)
		if text, err := DDL(m); !errors.Is(err, ErrName) {
			t.Errorf("%s: %v\n%s", what, err, text)
		}
		if !reflect.DeepEqual(q, query) || m.Name != good.Name {
			if s, err := Table(m.Name, OurLayout(), q); !errors.Is(err, ErrName) {
				t.Errorf("%s: %v\n%s", what, err, s.SQL)
			}
		}
	}
	for _, store := range []string{"", "x", "abc OR 1=1", "11111111-2222-3333-4444-55555555555", `11111111-2222-3333-4444-555555555555"`} {
		if s, err := Lake(store, query); !errors.Is(err, ErrName) {
			t.Errorf("store %q: %v\n%s", store, err, s.SQL)
		}
	}
	for _, v := range []string{"", "\xff", "a\x00b", strings.Repeat("x", maxValue+1)} {
		q := query
		q.Values = []string{v}
		if s, err := Table("audit.trail", OurLayout(), q); !errors.Is(err, ErrValue) {
			t.Errorf("value %.10q: %v\n%.100s", v, err, s.SQL)
		}
	}
}

// Hostile values: what a literal, a regular expression or JSON may be broken out of with.
var hostile = []string{"'", "''", `"`, `\`, `\\`, "\n", "a\nb", "%", "_", "a%b", "x' OR '1'='1", `"); DROP TABLE x; --`, "${day}", "?", ":", "*/", "東京", "é", "😀", "a😀", "\u2028", "\x7f", "\x01", "\u202e", "\u009b", "()[]{}.*+?^$|", `\E\Q`, "n", "u0001", "payments", "pay-ments_2"}

// TestLiterals: however hostile the value, the statement has the same strings around it, and
// its string is the value again.
func TestLiterals(t *testing.T) {
	for _, v := range hostile {
		q := query
		q.Values = []string{v}
		s, err := Table("audit.trail", OurLayout(), q)
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		lake, err := Lake("11111111-2222-3333-4444-555555555555", q)
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		for _, sql := range []string{s.SQL, lake.SQL} {
			parts := regexp.MustCompile(`(?:U&)?'(?:[^']|'')*'`).FindAllString(sql, -1)
			if strings.ContainsFunc(strings.ReplaceAll(sql, "\n", " "), hides) {
				t.Errorf("%q: something hides in\n%q", v, sql)
			}
			if rest := regexp.MustCompile(`(?:U&)?'(?:[^']|'')*'`).ReplaceAllString(sql, "S"); strings.ContainsAny(rest, `'\;?`) || strings.Contains(rest, "DROP") {
				t.Errorf("%q: outside of literals:\n%s", v, rest)
			}
			if _, err := regexp.Compile(unquoted(t, parts[len(parts)-1])); err != nil {
				t.Errorf("%q: %v", v, err)
			}
		}
	}
}

// unquoted reads a literal, by Trino's rules.
func unquoted(t *testing.T, s string) string {
	t.Helper()
	if plain, is := strings.CutPrefix(s, "'"); is {
		return strings.ReplaceAll(strings.TrimSuffix(plain, "'"), "''", "'")
	}
	s = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(s, "U&'"), "'"), "''", "'")
	return regexp.MustCompile(`\\\\|\\\+[0-9A-F]{6}`).ReplaceAllStringFunc(s, func(e string) string {
		if e == `\\` {
			return `\`
		}
		n, err := strconv.ParseInt(e[2:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return string(rune(n))
	})
}

// TestMatchesWholeWords holds the pattern against the rule that it is made by: words in decoded strings.
func TestMatchesWholeWords(t *testing.T) {
	around := []string{"", "x", "-", "_", "é", "😀", " ", ":", "/", `"`, `\`, "\n", "\x01", "\x7f", "'"}
	asked, hits := 0, 0
	for _, v := range hostile {
		m, err := matches("t", v)
		if err != nil {
			t.Fatal(err)
		}
		parts := regexp.MustCompile(`(?:U&)?'(?:[^']|'')*'`).FindAllString(m, -1)
		pattern := regexp.MustCompile(unquoted(t, parts[len(parts)-1]))
		for _, before := range around {
			for _, after := range around {
				for _, s := range []string{before + v + after, before + after, "n" + before + v + after + `\`} {
					asked++
					want := word(s, v)
					if want {
						hits++
					}
					for _, form := range []string{`"` + jsonEscape(s) + `"`, surrogates(`"` + jsonEscape(s) + `"`)} {
						if got := pattern.MatchString(form); got != want {
							t.Errorf("%q in %q: %v, want %v", v, form, got, want)
						}
					}
				}
			}
		}
	}
	t.Logf("%d asked, %d of them hits, 0 skipped", asked, hits)
}

// word is the rule, said another way than by pattern.
func word(s, v string) bool {
	for i := range s {
		rest, is := strings.CutPrefix(s[i:], v)
		if is && (i == 0 || !inWord(s[i-1]) || !inWord(v[0])) && (rest == "" || !inWord(rest[0]) || !inWord(v[len(v)-1])) {
			return true
		}
	}
	return false
}

func surrogates(s string) string { return strings.ReplaceAll(s, "😀", `\uD83D\uDE00`) }

// TestRecordRoundTrip: a row becomes the record that it was taken from.
func TestRecordRoundTrip(t *testing.T) {
	s, err := Table("audit.trail", OurLayout(), query)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]*string, len(s.Header))
	put := func(name, v string) { row[slices.Index(s.Header, name)] = &v }
	put("eventversion", "1.11")
	put("useridentity_sessioncontext_sessionissuer_arn", "arn:aws:iam::1:role/r")
	put("useridentity_inscopeof_credentialsissuedto", "arn:aws:lambda:eu-west-1:1:function:f")
	put("useragent", "a\"b\\c\n<é😀>")
	put("requestparameters", `{"z": 1, "a": "\u0061"}`)
	put("responseelements", "cut {")
	put("readonly", "true")
	put("resources", `[{"ARN":"arn:x","accountId":null,"type":"T"}]`)
	put("errorcode", "")
	got, err := s.Record(row)
	want := `{"eventVersion":"1.11","userIdentity":{"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/r"}},"inScopeOf":{"credentialsIssuedTo":"arn:aws:lambda:eu-west-1:1:function:f"}},` +
		`"userAgent":"a\"b\\c\n<é😀>","errorCode":"","requestParameters":{"z":1,"a":"\u0061"},"responseElements":"cut {","readOnly":true,"resources":[{"ARN":"arn:x","type":"T"}]}`
	if err != nil || string(got) != want || !json.Valid(got) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	if _, err := s.Record(make([]*string, len(row))); !errors.Is(err, ErrRow) {
		t.Error("a row of nothing but NULL is a record")
	}
	if _, err := s.Record(row[1:]); !errors.Is(err, ErrRow) {
		t.Error("a short row is a record")
	}
}

// TestTablesOfOthers: what a table lacks is not asked for and said; partitions of other forms are narrowed.
func TestTablesOfOthers(t *testing.T) {
	columns := Columns()
	i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == "useridentity" })
	columns[i].Type = "struct<type:string, arn:string>"
	columns = slices.DeleteFunc(columns, func(c Column) bool { return c.Name == "tlsdetails" })
	s, err := Table("audit.trail", Layout{Columns: columns, Partitions: []string{"region", "year", "month", "day", "flavour"}}, query)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.SQL, "inscopeof") || strings.Contains(s.SQL, "tlsdetails") || !slices.Contains(s.Lacks, "userIdentity.inScopeOf.credentialsIssuedTo") || !slices.Contains(s.Lacks, "tlsDetails.tlsVersion") {
		t.Errorf("%v\n%s", s.Lacks, s.SQL)
	}
	want := `(("year" = '2026' AND "month" = '02' AND "day" IN ('27', '28')) OR ("year" = '2026' AND "month" = '03' AND "day" IN ('01', '02')))`
	if !strings.Contains(s.SQL, want) || !slices.Equal(s.Unplaced, []string{"flavour"}) {
		t.Errorf("%v\n%s", s.Unplaced, s.SQL)
	}
	aws := Layout{Columns: columns, Partitions: []string{"timestamp"}, Properties: map[string]string{"projection.timestamp.format": "yyyy/MM/dd", "storage.location.template": "s3://logs/AWSLogs/1/CloudTrail/eu-west-1/${timestamp}"}}
	if s, err = Table("audit.trail", aws, query); err != nil || !strings.Contains(s.SQL, `"timestamp" BETWEEN '2026/02/27' AND '2026/03/02'`) {
		t.Errorf("%v\n%s", err, s.SQL)
	}
	bucket, prefixes, ok := aws.Prefixes(query)
	if !ok || bucket != "logs" || len(prefixes) != 4 || prefixes[3] != "AWSLogs/1/CloudTrail/eu-west-1/2026/03/02/" {
		t.Errorf("%v %s %v", ok, bucket, prefixes)
	}
	if _, err := Table("audit.trail", Layout{Columns: []Column{{"x", "string"}}}, query); !errors.Is(err, ErrName) {
		t.Errorf("a table of another kind: %v", err)
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("struct<a:string,b:array<map<string,string>>>")
	f.Add("struct<")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := ParseType(s)
		if err != nil {
			return
		}
		if again, err := ParseType(x.String()); err != nil || again.String() != x.String() {
			t.Errorf("%q: %q, %v", s, x, err)
		}
	})
}
