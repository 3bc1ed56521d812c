package awsapi

import (
	"fmt"
	"io"
)

// maxAnswer bounds one answer of an API, which the SDK reads into memory whole. The largest
// that AWS gives are pages of log events and of CloudTrail events: some ten megabytes.
const maxAnswer = 64 << 20

// streams says whether a call's answer is handed on as it comes: its reader bounds it.
func streams(call string) bool { return call == "S3:GetObject" }

// boundedAnswer fails beyond its bound, rather than ending: half an answer is none.
type boundedAnswer struct {
	io.ReadCloser
	left int64
}

func (b *boundedAnswer) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	}
	return n, err
}
