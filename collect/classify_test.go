package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func api(code string) error {
	return fmt.Errorf("operation error: %w", &smithy.GenericAPIError{Code: code, Message: "because"})
}

func answered(status int, err error) error {
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want evidence.State
	}{
		{nil, evidence.Collected},
		{api("AccessDeniedException"), evidence.Denied},
		{api("AccessDenied"), evidence.Denied},
		{api("UnauthorizedOperation"), evidence.Denied},
		{api("Client.UnauthorizedOperation"), evidence.Denied},
		{api("ThrottlingException"), evidence.Throttled},
		{api("Throttling"), evidence.Throttled},
		{api("TooManyRequestsException"), evidence.Throttled},
		{api("ResourceNotFoundException"), evidence.Absent},
		{api("NoSuchEntity"), evidence.Absent},
		{api("ExpiredTokenException"), evidence.Expired},
		{api("ExpiredToken"), evidence.Expired},
		{api("ServiceException"), evidence.Failed},
		{api("InvalidParameterValueException"), evidence.Failed},
		{answered(501, errors.New("<!doctype html><title>501</title>")), evidence.Failed},
		{answered(404, errors.New("<!doctype html><title>404</title>")), evidence.Failed},
		{answered(403, errors.New("<html>")), evidence.Denied},
		{answered(429, errors.New("slow down")), evidence.Throttled},
		{answered(500, api("UnknownError")), evidence.Failed},
		{errors.New("dial tcp: refused"), evidence.Failed},
		{fmt.Errorf("x: %w", context.Canceled), evidence.NotAttempted},
	} {
		got, text := classify(c.err)
		if got != c.want || (text == "") != (c.err == nil) {
			t.Errorf("%v: %s (%s), want %s", c.err, got, text, c.want)
		}
	}
}

func TestClassifyKeepsNoAddress(t *testing.T) {
	err := fmt.Errorf("fetching: %w", &url.Error{Op: "Get", URL: "https://b.s3.amazonaws.com/k?X-Amz-Signature=deadbeef", Err: errors.New("connection reset")})
	_, text := classify(err)
	if strings.Contains(text, "deadbeef") || !strings.Contains(text, "connection reset") {
		t.Errorf("text %q", text)
	}
	if _, text := classify(errors.New(strings.Repeat("é", 5000))); len(text) > 1100 {
		t.Errorf("a stranger's text of %d bytes is repeated", len(text))
	}
}
