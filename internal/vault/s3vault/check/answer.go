package check

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// maxShown bounds what is shown of text that others wrote, in bytes.
const maxShown = 200

func asType[T error](err error) (T, bool) { return errors.AsType[T](err) }

// codeOf is the API's error code, "" if the error is none of the API's.
func codeOf(err error) string {
	if api, ok := asType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// isCode says whether err is one of these API errors.
func isCode(err error, codes ...string) bool {
	c := codeOf(err)
	return c != "" && slices.Contains(codes, c)
}

// denied: the caller may not ask. A HEAD has no body to carry a code: 403 is Forbidden.
// Other codes come with 403 too, such as ExpiredToken; no permission would help there.
func denied(err error) bool {
	return isCode(err, "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation")
}

// unimplemented: the server does not know the call, as S3 servers other than AWS say.
func unimplemented(err error) bool {
	return isCode(err, "NotImplemented", "MethodNotAllowed", "UnknownOperation", "UnknownOperationException", "XNotImplemented") ||
		slices.Contains([]int{http.StatusNotImplemented, http.StatusMethodNotAllowed}, statusOf(err))
}

// unknown is the verdict over a call ("GetBucketPolicy" of S3) that did not answer.
func (p *probe) unknown(call string, err error) verdict {
	if awsapi.IsRefused(err) {
		p.refused = err
	}
	service, op, _ := strings.Cut(call, ":")
	switch {
	case denied(err):
		return verdict{Unknown, fmt.Sprintf("denied (%s): %s needs %s", codeOf(err), op, strings.Join(p.actions(call), ", ")), p.allow()}
	case unimplemented(err):
		return verdict{Unknown, fmt.Sprintf("the server does not implement %s (%s)", op, codeOf(err)), p.ask(service, op)}
	}
	return verdict{Unknown, fmt.Sprintf("%s was not answered: %s", op, reason(err)), p.ask(service, op)}
}

// reason is an error in a few words.
func reason(err error) string {
	if api, ok := asType[smithy.APIError](err); ok {
		return strings.TrimSuffix(api.ErrorCode()+": "+shown(api.ErrorMessage()), ": ")
	}
	return shown(err.Error())
}

// shown cuts text that others wrote.
func shown(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}
