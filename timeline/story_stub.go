package timeline

import (
	"context"
)

func tell(ctx context.Context, o Options, in Input) (Story, error) { return Story{}, nil }
