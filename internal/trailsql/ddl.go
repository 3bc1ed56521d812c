package trailsql

import (
	"fmt"
	"strings"
	"time"
)

// Place is where a trail delivers to.
type Place struct {
	Bucket, Prefix string
	Organization   string // "o-...", where the organization's trail delivers; "" is an account's own
}

// MadeTable is a table that is to be made over a trail's bucket.
type MadeTable struct {
	Name              string // DATABASE.TABLE
	Place             Place
	Accounts, Regions []string
	From              time.Time // the first day that it has
}

// DDL is the text, in Hive's dialect, that makes the table: AWS's documented columns and those
// that it lacks, with the partitions projected, so that none has to be added day by day.
func DDL(t MadeTable) (string, error) {
	database, table, err := SplitTable(t.Name)
	if err != nil {
		return "", err
	}
	prefix := strings.Trim(t.Place.Prefix, "/")
	switch {
	case !bucketID.MatchString(t.Place.Bucket):
		return "", fmt.Errorf("%w: bucket %q", ErrName, t.Place.Bucket)
	case !keyPrefix.MatchString(prefix):
		return "", fmt.Errorf("%w: prefix %q", ErrName, prefix)
	case t.Place.Organization != "" && !organization.MatchString(t.Place.Organization):
		return "", fmt.Errorf("%w: organization %q; o-... is wanted", ErrName, t.Place.Organization)
	}
	if err := all("account", t.Accounts, accountID); err != nil {
		return "", err
	}
	if err := all("region", t.Regions, regionID); err != nil {
		return "", err
	}
	root := "s3://" + t.Place.Bucket + "/"
	for _, part := range []string{prefix, "AWSLogs", t.Place.Organization} {
		if part != "" {
			root += part + "/"
		}
	}
	var columns []string
	for _, c := range Columns() {
		columns = append(columns, fmt.Sprintf("  `%s` %s", c.Name, c.Type))
	}
	properties := []string{
		"'projection.enabled'='true'",
		"'projection.account.type'='enum'", "'projection.account.values'='" + strings.Join(t.Accounts, ",") + "'",
		"'projection.region.type'='enum'", "'projection.region.values'='" + strings.Join(t.Regions, ",") + "'",
		"'projection.day.type'='date'", "'projection.day.format'='yyyy/MM/dd'", "'projection.day.interval'='1'", "'projection.day.interval.unit'='DAYS'",
		"'projection.day.range'='" + t.From.UTC().Format("2006/01/02") + ",NOW'",
		"'storage.location.template'='" + root + "${account}/CloudTrail/${region}/${day}'",
	}
	return "CREATE EXTERNAL TABLE `" + database + "`.`" + table + "` (\n" + strings.Join(columns, ",\n") + "\n)\n" +
		"COMMENT 'CloudTrail records'\n" +
		"PARTITIONED BY (`account` string, `region` string, `day` string)\n" +
		"ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'\n" +
		"STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'\n" +
		"OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n" +
		"LOCATION '" + root + "'\n" +
		"TBLPROPERTIES (\n  " + strings.Join(properties, ",\n  ") + "\n)\n", nil
}
