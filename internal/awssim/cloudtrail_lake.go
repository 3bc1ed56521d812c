package awssim

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// CloudTrail Lake: event data stores of management events of every region, and queries over
// them with the columns eventjson, eventtime and a few more ("Supported SQL schemas for event
// data stores", CloudTrail User Guide). A query takes Config.QueryTime.
func lakeOps() []operation {
	return []operation{
		op("cloudtrail", "CreateEventDataStore", createStore), op("cloudtrail", "GetEventDataStore", getStore), op("cloudtrail", "StartQuery", lakeStart),
		op("cloudtrail", "DescribeQuery", lakeDescribe), op("cloudtrail", "GetQueryResults", lakeResults), op("cloudtrail", "CancelQuery", lakeCancel),
	}
}

type lakeStore struct {
	id, name, arn string
	created       time.Time
}

type lakeRun struct {
	id, text string
	seen     int64 // events
	queryRun
}

// lakeColumns are those of a store's columns that can be asked for here.
var lakeColumns = []hiveMember{
	{"eventid", hiveType{name: "string"}}, {"eventname", hiveType{name: "string"}}, {"eventsource", hiveType{name: "string"}}, {"awsregion", hiveType{name: "string"}},
	{"recipientaccountid", hiveType{name: "string"}}, {"sourceipaddress", hiveType{name: "string"}}, {"useragent", hiveType{name: "string"}}, {"errorcode", hiveType{name: "string"}},
}

func createStore(c *call, in *cloudtrail.CreateEventDataStoreInput) (*cloudtrail.CreateEventDataStoreOutput, error) {
	if err := c.allow("cloudtrail:CreateEventDataStore", "*"); err != nil {
		return nil, err
	}
	id := c.id("uuid", "event data store")
	s := &lakeStore{id: id, name: *in.Name, arn: c.arn("cloudtrail", "eventdatastore/"+id), created: c.now}
	c.trailsHere().stores[id] = s
	return &cloudtrail.CreateEventDataStoreOutput{EventDataStoreArn: &s.arn, Name: &s.name, Status: ct.EventDataStoreStatusCreated, CreatedTimestamp: aws.Time(s.created), UpdatedTimestamp: aws.Time(s.created),
		MultiRegionEnabled: aws.Bool(true), OrganizationEnabled: aws.Bool(false), RetentionPeriod: aws.Int32(366), TerminationProtectionEnabled: aws.Bool(true)}, nil
}

func getStore(c *call, in *cloudtrail.GetEventDataStoreInput) (*cloudtrail.GetEventDataStoreOutput, error) {
	s, err := c.store("GetEventDataStore", aws.ToString(in.EventDataStore))
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetEventDataStoreOutput{EventDataStoreArn: &s.arn, Name: &s.name, Status: ct.EventDataStoreStatusEnabled, CreatedTimestamp: aws.Time(s.created), UpdatedTimestamp: aws.Time(s.created),
		MultiRegionEnabled: aws.Bool(true), OrganizationEnabled: aws.Bool(false), RetentionPeriod: aws.Int32(366), TerminationProtectionEnabled: aws.Bool(true)}, nil
}

// store finds a store by id or ARN.
func (c *call) store(action, name string) (*lakeStore, error) {
	id := name[strings.LastIndexByte(name, '/')+1:]
	if err := c.allow("cloudtrail:"+action, c.arn("cloudtrail", "eventdatastore/"+id)); err != nil {
		return nil, err
	}
	if s := c.trailsHere().stores[id]; s != nil {
		return s, nil
	}
	return nil, fail("EventDataStoreNotFoundException", "Event data store %s not found.", name)
}

func lakeStart(c *call, in *cloudtrail.StartQueryInput) (*cloudtrail.StartQueryOutput, error) {
	parsed, err := parseSelect(aws.ToString(in.QueryStatement))
	id := ""
	if err == nil && parsed.inner == nil {
		id = parsed.from[0]
	}
	if _, stored := c.store("StartQuery", id); stored != nil {
		if err != nil && c.trailsHere().stores[id] == nil && c.allowed("cloudtrail:StartQuery", c.arn("cloudtrail", "eventdatastore/*")) {
			return nil, fail("InvalidQueryStatementException", "%v", err)
		}
		return nil, stored
	}
	r := &lakeRun{id: c.id("uuid", "lake query"), text: *in.QueryStatement, queryRun: queryRun{at: c.now, result: &sqlResult{}}}
	result, err := runSelect(parsed, c.scanStore(r))
	if err != nil {
		r.failed = err.Error()
	} else {
		r.result = result
	}
	c.trailsHere().runs[r.id] = r
	return &cloudtrail.StartQueryOutput{QueryId: &r.id}, nil
}

// scanStore reads the account's management events of all regions. Lake is paid by the bytes
// of the events in the time that is asked for.
func (c *call) scanStore(r *lakeRun) sqlScan {
	return func(_ []string, wanted func(sqlRow) (bool, error)) (rows []sqlRow, columns []string, scanned int64, err error) {
		columns = []string{"eventtime", "eventjson"}
		for _, m := range lakeColumns {
			columns = append(columns, m.name)
		}
		for _, rec := range c.core.records.all {
			if rec.account != c.accountID || rec.data {
				continue
			}
			keep, err := wanted(sqlRow{"eventtime": rec.eventTime.UTC()})
			if err != nil {
				return nil, columns, scanned, err
			}
			if !keep {
				continue
			}
			scanned += int64(len(rec.raw))
			r.seen++
			row := recordRow(rec.raw, lakeColumns)
			row["eventtime"], row["eventjson"] = rec.eventTime.UTC(), string(json.RawMessage(rec.raw))
			rows = append(rows, row)
		}
		return rows, columns, scanned, nil
	}
}

func (c *call) lakeRun(action string, id *string) (*lakeRun, error) {
	if err := c.allow("cloudtrail:"+action, c.arn("cloudtrail", "eventdatastore/*")); err != nil {
		return nil, err
	}
	if r := c.trailsHere().runs[aws.ToString(id)]; r != nil {
		return r, nil
	}
	return nil, fail("QueryIdNotFoundException", "Query ID %s does not exist or does not map to a query.", aws.ToString(id))
}

func (r *lakeRun) state(now time.Time, takes time.Duration) (ct.QueryStatus, int64) {
	p, scanned := r.phase(now, takes)
	return map[queryPhase]ct.QueryStatus{
		queryRunning: ct.QueryStatusRunning, queryDone: ct.QueryStatusFinished, queryFailed: ct.QueryStatusFailed, queryStopped: ct.QueryStatusCancelled,
	}[p], scanned
}

func lakeDescribe(c *call, in *cloudtrail.DescribeQueryInput) (*cloudtrail.DescribeQueryOutput, error) {
	r, err := c.lakeRun("DescribeQuery", in.QueryId)
	if err != nil {
		return nil, err
	}
	state, scanned := r.state(c.now, c.cfg.QueryTime)
	out := &cloudtrail.DescribeQueryOutput{QueryId: &r.id, QueryString: &r.text, QueryStatus: state, QueryStatistics: &ct.QueryStatisticsForDescribeQuery{
		BytesScanned: &scanned, CreationTime: aws.Time(r.at), EventsScanned: &r.seen, EventsMatched: aws.Int64(int64(len(r.result.rows))), ExecutionTimeInMillis: aws.Int32(int32(c.now.Sub(r.at).Milliseconds()))}}
	if state == ct.QueryStatusFailed {
		out.ErrorMessage = &r.failed
	}
	return out, nil
}

func lakeResults(c *call, in *cloudtrail.GetQueryResultsInput) (*cloudtrail.GetQueryResultsOutput, error) {
	r, err := c.lakeRun("GetQueryResults", in.QueryId)
	if err != nil {
		return nil, err
	}
	state, scanned := r.state(c.now, c.cfg.QueryTime)
	out := &cloudtrail.GetQueryResultsOutput{QueryStatus: state, QueryResultRows: [][]map[string]string{}, QueryStatistics: &ct.QueryStatistics{BytesScanned: &scanned, ResultsCount: aws.Int32(0), TotalResultsCount: aws.Int32(0)}}
	if state == ct.QueryStatusFailed {
		out.ErrorMessage = &r.failed
	}
	if state != ct.QueryStatusFinished {
		return out, nil
	}
	page, next, err := paginate(r.result.rows, in.NextToken, in.MaxQueryResults, 1000)
	if err != nil {
		return nil, err
	}
	for _, row := range page {
		line := []map[string]string{}
		for i, v := range row {
			line = append(line, map[string]string{r.result.header[i]: aws.ToString(v)})
		}
		out.QueryResultRows = append(out.QueryResultRows, line)
	}
	out.NextToken = next
	out.QueryStatistics.ResultsCount, out.QueryStatistics.TotalResultsCount = aws.Int32(int32(len(page))), aws.Int32(int32(len(r.result.rows)))
	return out, nil
}

func lakeCancel(c *call, in *cloudtrail.CancelQueryInput) (*cloudtrail.CancelQueryOutput, error) {
	r, err := c.lakeRun("CancelQuery", in.QueryId)
	if err != nil {
		return nil, err
	}
	if state, _ := r.state(c.now, c.cfg.QueryTime); state != ct.QueryStatusRunning {
		return nil, fail("InactiveQueryException", "The specified query cannot be canceled because it is in the %s state.", state)
	}
	r.stopped = c.now
	return &cloudtrail.CancelQueryOutput{QueryId: &r.id, QueryStatus: ct.QueryStatusCancelled}, nil
}
