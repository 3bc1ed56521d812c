package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// addMoreLogFilters lets the log group send to the alias too, and not by stream.
func (a *Account) addMoreLogFilters(ctx context.Context) error {
	_, err := cloudwatchlogs.NewFromConfig(a.cfg).PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: aws.String("/shop/web"), FilterName: aws.String("errors"),
		FilterPattern: aws.String("ERROR"), Distribution: logstypes.DistributionRandom, DestinationArn: aws.String(functionARN() + ":live")})
	return err
}
