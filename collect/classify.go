package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// classify says what an error of a call means for the artefact, and puts it into
// words that hold no secret: of a later page of a list also how far it was read.
func classify(err error) (evidence.State, string) {
	state, text := classifyCall(err)
	if p, ok := errors.AsType[*pageError](err); ok {
		text += " (after " + p.came() + ")"
	}
	return state, text
}

// classifyCall is classify of one call. Errors need not be APIErrors: emulators and proxies
// answer HTML, connections drop.
func classifyCall(err error) (evidence.State, string) {
	if p, ok := errors.AsType[*pageError](err); ok {
		err = p.err
	}
	if err == nil {
		return evidence.Collected, ""
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return evidence.NotAttempted, "stopped before it was answered"
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return stateOf(api.ErrorCode(), statusOf(err)), clip(api.ErrorCode() + ": " + api.ErrorMessage())
	}
	if s := statusOf(err); s != 0 {
		return stateOf("", s), clip(fmt.Sprintf("HTTP %d: %v", s, withoutURL(err)))
	}
	return evidence.Failed, clip(withoutURL(err).Error())
}

// stateOf maps an API error code, and the HTTP status where the code says nothing.
func stateOf(code string, status int) evidence.State {
	switch {
	case has(code, "AccessDenied", "Unauthorized", "NotAuthorized", "AuthFailure", "Client.Unauthorized", "Forbidden", "KMSAccessDenied"):
		return evidence.Denied
	case has(code, "Throttl", "TooManyRequests", "RequestLimitExceeded", "LimitExceededException", "SlowDown", "RequestThrottled", "BandwidthLimit"):
		return evidence.Throttled
	case has(code, "ExpiredToken", "RequestExpired"):
		return evidence.Expired
	case has(code, "NoSuch"), strings.Contains(code, "NotFound"):
		return evidence.Absent
	case code != "" && code != "UnknownError":
		return evidence.Failed
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return evidence.Denied
	case http.StatusTooManyRequests:
		return evidence.Throttled
	}
	return evidence.Failed
}

func has(code string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(code, p) {
			return true
		}
	}
	return false
}

func statusOf(err error) int {
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return re.HTTPStatusCode()
	}
	return 0
}

// withoutURL drops the address from an error of net/http: a presigned URL is a
// key for as long as it lives.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", strings.ToLower(u.Op), u.Err)
	}
	return err
}

// clip bounds what a stranger's server can make us repeat.
func clip(s string) string {
	const most = 1024
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + " (cut)"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
