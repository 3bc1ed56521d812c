package awssim

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// athenaOps is every simulated operation of Athena. There is one catalogue, AwsDataCatalog,
// and one workgroup, primary, which has no place for results of its own. A query runs for
// Config.QueryTime, and has read of its bytes what part of that has gone by.
func athenaOps() []operation {
	return []operation{
		op("athena", "StartQueryExecution", startAthena), op("athena", "GetQueryExecution", getAthena), op("athena", "GetQueryResults", athenaResults),
		op("athena", "StopQueryExecution", stopAthena), op("athena", "GetTableMetadata", athenaTableMetadata),
	}
}

// athenaState is Athena in one account and region.
type athenaState struct {
	tables map[string]*athenaTable // "database.table"
	runs   map[string]*athenaRun
}

func newAthenaState() *athenaState {
	return &athenaState{tables: map[string]*athenaTable{}, runs: map[string]*athenaRun{}}
}

// objects: queries and their results are nobody's state, tables are.
func (s *athenaState) objects(account, region string, put putObject) {
	for name, t := range s.tables {
		put("athena/"+account+"/"+region+"/table/"+name, map[string]any{"columns": shownColumns(t.columns), "partitions": shownColumns(t.parts), "properties": t.properties}, nil)
	}
}

// athenaRun is one query.
type athenaRun struct {
	id, text, output, token string
	database                *string
	ddl                     bool
	queryRun
}

func (c *call) athenaHere() *athenaState { return c.athena.at(c.accountID, c.region, newAthenaState) }

func (c *call) workgroup(action, name string) error {
	if name == "" {
		name = "primary"
	}
	if err := c.allow("athena:"+action, c.arn("athena", "workgroup/"+name)); err != nil {
		return err
	}
	if name != "primary" {
		return fail("InvalidRequestException", "WorkGroup is not found.")
	}
	return nil
}

func startAthena(c *call, in *athena.StartQueryExecutionInput) (*athena.StartQueryExecutionOutput, error) {
	if err := c.workgroup("StartQueryExecution", aws.ToString(in.WorkGroup)); err != nil {
		return nil, err
	}
	s := c.athenaHere()
	r := &athenaRun{text: *in.QueryString, token: aws.ToString(in.ClientRequestToken), queryRun: queryRun{at: c.now}}
	if in.ResultConfiguration != nil {
		r.output = aws.ToString(in.ResultConfiguration.OutputLocation)
	}
	if in.QueryExecutionContext != nil {
		r.database = in.QueryExecutionContext.Database
	}
	for _, id := range sortedNames(s.runs) {
		if before := s.runs[id]; r.token != "" && before.token == r.token {
			if before.text != r.text {
				return nil, fail("InvalidRequestException", "Idempotent parameters do not match")
			}
			return &athena.StartQueryExecutionOutput{QueryExecutionId: &before.id}, nil
		}
	}
	if !strings.HasPrefix(r.output, "s3://") {
		return nil, fail("InvalidRequestException", "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.")
	}
	r.id = c.id("uuid", "query execution")
	c.runAthena(s, r)
	s.runs[r.id] = r
	return &athena.StartQueryExecutionOutput{QueryExecutionId: &r.id}, nil
}

// runAthena finds out what the query comes to; it is told when its time has gone by.
func (c *call) runAthena(s *athenaState, r *athenaRun) {
	var err error
	if fields := strings.Fields(r.text); len(fields) > 0 && strings.EqualFold(fields[0], "create") {
		r.ddl = true
		var t *athenaTable
		if t, err = parseCreateTable(r.text); err == nil && s.tables[t.database+"."+t.name] != nil {
			err = &sqlError{"FAILED: SemanticException [Error 10072]", "Table already exists: " + t.name}
		} else if err == nil {
			s.tables[t.database+"."+t.name] = t
		}
		r.result = &sqlResult{}
	} else {
		var parsed *sqlSelect
		if parsed, err = parseSelect(r.text); err == nil {
			r.result, err = runSelect(parsed, c.scanTable(s))
		}
	}
	if err == nil {
		err = c.writeResults(r)
	}
	if err != nil {
		r.failed = err.Error()
	}
	if r.result == nil {
		r.result = &sqlResult{}
	}
}

// scanTable reads a table's objects with the caller's own permissions, as Athena does.
func (c *call) scanTable(s *athenaState) sqlScan {
	return func(from []string, wanted func(sqlRow) (bool, error)) (rows []sqlRow, columns []string, scanned int64, err error) {
		t := s.tables[strings.Join(from, ".")]
		if t == nil || !c.allowed("glue:GetTable", arnOf("glue", c.region, c.accountID, "table/"+strings.Join(from, "/"))) {
			return nil, nil, 0, &sqlError{"TABLE_NOT_FOUND", "Table 'awsdatacatalog." + strings.Join(from, ".") + "' does not exist"}
		}
		for _, m := range append(append([]hiveMember{}, t.columns...), t.parts...) {
			columns = append(columns, m.name)
		}
		bucket, _, _ := strings.Cut(strings.TrimPrefix(t.location, "s3://"), "/")
		b := c.s3.buckets[bucket]
		if b == nil || !c.allowed("s3:ListBucket", "arn:aws:s3:::"+bucket, withResourcePolicy(b.policy, b.owner)) {
			return nil, columns, 0, &sqlError{"PERMISSION_DENIED", "Permission denied on S3 path: " + t.location}
		}
		for _, o := range t.objectsOf(b) {
			if keep, err := wanted(o.partitions); err != nil {
				return nil, columns, scanned, err
			} else if !keep {
				continue
			}
			if !c.allowed("s3:GetObject", "arn:aws:s3:::"+bucket+"/"+o.version.key, withResourcePolicy(b.policy, b.owner)) {
				return nil, columns, scanned, &sqlError{"PERMISSION_DENIED", "Permission denied on S3 path: s3://" + bucket + "/" + o.version.key}
			}
			scanned += int64(len(o.version.data))
			more, err := t.rows(o)
			if err != nil {
				return nil, columns, scanned, err
			}
			rows = append(rows, more...)
		}
		return rows, columns, scanned, nil
	}
}

// writeResults puts the results where they were asked for, as CSV.
func (c *call) writeResults(r *athenaRun) error {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(r.output, "s3://"), "/")
	b := c.s3.buckets[bucket]
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	key := prefix + r.id + ".csv"
	if b == nil || !c.allowed("s3:PutObject", "arn:aws:s3:::"+bucket+"/"+key, withResourcePolicy(b.policy, b.owner)) {
		return &sqlError{"PERMISSION_DENIED", "Unable to verify/create output bucket " + bucket}
	}
	var text strings.Builder
	w := csv.NewWriter(&text)
	for i, row := range append([][]*string{refs(r.result.header)}, r.result.rows...) {
		line := make([]string, len(row))
		for j, v := range row {
			line[j] = aws.ToString(v)
		}
		if err := w.Write(line); err != nil && i >= 0 {
			return err
		}
	}
	w.Flush()
	return c.putDelivered(b, key, []byte(text.String()), c.now, nil)
}

func refs(list []string) []*string {
	out := make([]*string, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

func (c *call) athenaRun(action string, id *string) (*athenaRun, error) {
	if err := c.workgroup(action, ""); err != nil {
		return nil, err
	}
	if r := c.athenaHere().runs[aws.ToString(id)]; r != nil {
		return r, nil
	}
	return nil, fail("InvalidRequestException", "QueryExecution %s was not found", aws.ToString(id))
}

func (r *athenaRun) state(now time.Time, takes time.Duration) (athenatypes.QueryExecutionState, int64) {
	p, scanned := r.phase(now, takes)
	return map[queryPhase]athenatypes.QueryExecutionState{
		queryRunning: athenatypes.QueryExecutionStateRunning, queryDone: athenatypes.QueryExecutionStateSucceeded,
		queryFailed: athenatypes.QueryExecutionStateFailed, queryStopped: athenatypes.QueryExecutionStateCancelled,
	}[p], scanned
}

func getAthena(c *call, in *athena.GetQueryExecutionInput) (*athena.GetQueryExecutionOutput, error) {
	r, err := c.athenaRun("GetQueryExecution", in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	state, scanned := r.state(c.now, c.cfg.QueryTime)
	kind := athenatypes.StatementTypeDml
	if r.ddl {
		kind = athenatypes.StatementTypeDdl
	}
	x := &athenatypes.QueryExecution{
		QueryExecutionId: &r.id, Query: &r.text, StatementType: kind, WorkGroup: aws.String("primary"),
		EngineVersion:         &athenatypes.EngineVersion{SelectedEngineVersion: aws.String("AUTO"), EffectiveEngineVersion: aws.String("Athena engine version 3")},
		QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: r.database},
		ResultConfiguration:   &athenatypes.ResultConfiguration{OutputLocation: aws.String(strings.TrimSuffix(r.output, "/") + "/" + r.id + ".csv")},
		Statistics:            &athenatypes.QueryExecutionStatistics{DataScannedInBytes: &scanned, EngineExecutionTimeInMillis: aws.Int64(c.now.Sub(r.at).Milliseconds())},
		Status:                &athenatypes.QueryExecutionStatus{State: state, SubmissionDateTime: aws.Time(r.at)},
	}
	switch state {
	case athenatypes.QueryExecutionStateFailed:
		x.Status.StateChangeReason = &r.failed
		x.Status.AthenaError = &athenatypes.AthenaError{ErrorCategory: aws.Int32(2), ErrorMessage: &r.failed}
	case athenatypes.QueryExecutionStateCancelled:
		x.Status.StateChangeReason = aws.String("Query cancelled by user")
	}
	if state != athenatypes.QueryExecutionStateRunning {
		x.Status.CompletionDateTime = aws.Time(r.at.Add(c.cfg.QueryTime))
	}
	return &athena.GetQueryExecutionOutput{QueryExecution: x}, nil
}

// athenaResults: the first row of the first page of a SELECT is the header.
func athenaResults(c *call, in *athena.GetQueryResultsInput) (*athena.GetQueryResultsOutput, error) {
	r, err := c.athenaRun("GetQueryResults", in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	if state, _ := r.state(c.now, c.cfg.QueryTime); state != athenatypes.QueryExecutionStateSucceeded {
		return nil, fail("InvalidRequestException", "Query has not yet finished. Current state: %s", state)
	}
	all := r.result.rows
	if !r.ddl {
		all = append([][]*string{refs(r.result.header)}, all...)
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 1000)
	if err != nil {
		return nil, err
	}
	out := &athena.GetQueryResultsOutput{NextToken: next, UpdateCount: aws.Int64(0), ResultSet: &athenatypes.ResultSet{Rows: []athenatypes.Row{}, ResultSetMetadata: &athenatypes.ResultSetMetadata{}}}
	for _, name := range r.result.header {
		out.ResultSet.ResultSetMetadata.ColumnInfo = append(out.ResultSet.ResultSetMetadata.ColumnInfo, athenatypes.ColumnInfo{Name: aws.String(name), Label: aws.String(name), Type: aws.String("varchar")})
	}
	for _, row := range page {
		line := athenatypes.Row{Data: []athenatypes.Datum{}}
		for _, v := range row {
			line.Data = append(line.Data, athenatypes.Datum{VarCharValue: v})
		}
		out.ResultSet.Rows = append(out.ResultSet.Rows, line)
	}
	return out, nil
}

func stopAthena(c *call, in *athena.StopQueryExecutionInput) (*athena.StopQueryExecutionOutput, error) {
	r, err := c.athenaRun("StopQueryExecution", in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	if state, _ := r.state(c.now, c.cfg.QueryTime); state == athenatypes.QueryExecutionStateRunning {
		r.stopped = c.now
	}
	return &athena.StopQueryExecutionOutput{}, nil
}

func athenaTableMetadata(c *call, in *athena.GetTableMetadataInput) (*athena.GetTableMetadataOutput, error) {
	if err := c.allow("athena:GetTableMetadata", c.arn("athena", "datacatalog/"+*in.CatalogName)); err != nil {
		return nil, err
	}
	t := c.athenaHere().tables[*in.DatabaseName+"."+*in.TableName]
	if t == nil || !strings.EqualFold(*in.CatalogName, "AwsDataCatalog") {
		return nil, fail("MetadataException", "EntityNotFoundException: Entity Not Found")
	}
	properties := map[string]string{"EXTERNAL": "TRUE", "location": t.location}
	for k, v := range t.properties {
		properties[k] = v
	}
	return &athena.GetTableMetadataOutput{TableMetadata: &athenatypes.TableMetadata{
		Name: &t.name, TableType: aws.String("EXTERNAL_TABLE"), Columns: shownColumns(t.columns), PartitionKeys: shownColumns(t.parts), Parameters: properties}}, nil
}

// recordRows are a trail's records as rows of columns that are all there is of them.
func recordRow(raw []byte, columns []hiveMember) sqlRow {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return readMembers(columns, members)
}
