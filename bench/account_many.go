package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// SmallFunctions begins the names of those that AddFunctions makes.
const SmallFunctions = "small-"

// AddVersions publishes versions of Function until it has that many, each with a package of
// its own of that size, of which only the seed is held.
func (a *Account) AddVersions(versions, size int) error {
	for v := 2; v <= versions; v++ {
		if err := a.Cloud.StageVersion("arn:aws:lambda:"+Region+":"+AccountID+":function:"+Function, fmt.Sprint("version ", v), size); err != nil {
			return err
		}
	}
	return nil
}

// AddFunctions makes small functions beside the others, with one role: every third has a
// published version, an alias and a log group.
func (a *Account) AddFunctions(ctx context.Context, n int) error {
	var all errgroup.Group
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error { return a.addSmall(ctx, i) })
	}
	return all.Wait()
}

func (a *Account) addSmall(ctx context.Context, i int) error {
	c := lambda.NewFromConfig(a.cfg)
	name := fmt.Sprintf("%s%03d", SmallFunctions, i)
	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Role: aws.String(a.role), Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: Pack(name, 8<<10)}, Publish: i%3 == 0,
		Environment: &lambdatypes.Environment{Variables: map[string]string{"STAGE": "prod", "NAME": name}},
	})
	if err != nil || i%3 != 0 {
		return err
	}
	_, err = c.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String(name), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err == nil {
		a.Cloud.StageLogEvents(AccountID, Region, "/aws/lambda/"+name, "2026/11/26/[$LATEST]"+fmt.Sprintf("%032x", i), awssim.LogLine{At: a.Cloud.Now(), Message: "request served"})
	}
	return err
}

// logStream names the streams that AddLogs makes.
func logStream(i int) string { return fmt.Sprintf("2026/11/26/[$LATEST]%032x", i) }

// AddLogs gives Function that many log streams of the last day with that many events each, and
// returns their names.
func (a *Account) AddLogs(streams, each int) (names []string) {
	begin := a.Cloud.Now().Add(-24 * time.Hour)
	for s := range streams {
		name := logStream(s)
		batch := make([]awssim.LogLine, each)
		for i := range batch {
			batch[i] = awssim.LogLine{At: begin.Add(time.Duration(i) * time.Second),
				Message: fmt.Sprintf("2026-11-26T00:00:00.000Z\t%08x-0000-4000-8000-%012x\tINFO\t{\"order\":%d,\"customer\":\"c-%d\",\"total\":\"%d.90 <EUR>\"}\n", s, i, i*s, i%977, i%211)}
		}
		a.Cloud.StageLogEvents(AccountID, Region, "/aws/lambda/"+Function, name, batch...)
		names = append(names, name)
	}
	return names
}
