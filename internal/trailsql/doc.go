// Package trailsql asks a trail's records in SQL: the text of a table over a trail's bucket
// (Athena, Hive's DDL), of SELECTs over such a table and over a CloudTrail Lake event data store
// (both Trino's dialect), and the way back from a row to a record that CloudTrail's readers
// read. It makes text and reads rows; it runs nothing and knows no AWS.
//
// A value that is looked for matches as timeline.Pivot matches it: whole words in any string
// of a record, at any depth. What a table has no column for cannot be found by it.
package trailsql
