package awssim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// How AWS's services word what the simulator's core refuses, each family in its
// own codes.

type authKind int

const (
	authMissing authKind = iota
	authIncomplete
	authUnknownKey
	authBadToken
	authMismatch
	authSkew
	authExpired // a presigned URL
	authExpiredToken
)

// authError is a request whose signer is not established.
type authError struct {
	kind                                  authKind
	service, keyID, toSign, provided, msg string
	when, now                             time.Time
	limit                                 time.Duration
}

func (e *authError) Error() string { return fmt.Sprintf("not authenticated (%d) %s", e.kind, e.msg) }

const (
	mismatchText = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	badTokenText = "The security token included in the request is invalid."
	expiredText  = "The security token included in the request is expired"
)

// worded is the service's answer.
func (e *authError) worded(s *factService) *apiError {
	switch s.name {
	case "s3":
		return e.s3()
	case "ec2":
		return e.ec2()
	}
	query := s.protocols[0] == "query"
	codes := map[authKind][2]string{ // JSON and REST-JSON, query
		authMissing:      {"MissingAuthenticationTokenException", "MissingAuthenticationToken"},
		authIncomplete:   {"IncompleteSignatureException", "IncompleteSignature"},
		authUnknownKey:   {"UnrecognizedClientException", "InvalidClientTokenId"},
		authBadToken:     {"UnrecognizedClientException", "InvalidClientTokenId"},
		authMismatch:     {"InvalidSignatureException", "SignatureDoesNotMatch"},
		authSkew:         {"InvalidSignatureException", "SignatureDoesNotMatch"},
		authExpired:      {"InvalidSignatureException", "SignatureDoesNotMatch"},
		authExpiredToken: {"ExpiredTokenException", "ExpiredToken"},
	}
	a := &apiError{Code: codes[e.kind][0], Message: e.text(query), Status: http.StatusForbidden}
	if query {
		a.Code = codes[e.kind][1]
	} else if s.protocols[0] == "json" {
		a.Status = http.StatusBadRequest
	}
	return a
}

func (e *authError) text(query bool) string {
	switch e.kind {
	case authMissing:
		if query {
			return "Request is missing Authentication Token"
		}
		return "Missing Authentication Token"
	case authUnknownKey, authBadToken:
		return badTokenText
	case authExpiredToken:
		return expiredText
	case authSkew, authExpired:
		return e.skewText()
	case authMismatch:
		if e.msg == "" {
			return mismatchText
		}
	}
	return e.msg
}

// skewText is Coral's: which of the two times is on the wrong side of which limit.
func (e *authError) skewText() string {
	when, now := e.when.Format(sigTime), e.now.Format(sigTime)
	if e.when.After(e.now) {
		return fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)", when, e.now.Add(e.limit).Format(sigTime), now, int(e.limit.Minutes()))
	}
	return fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)", when, e.now.Add(-e.limit).Format(sigTime), now, int(e.limit.Minutes()))
}

func (e *authError) s3() *apiError {
	a := &apiError{Status: http.StatusForbidden, Fields: map[string]any{}}
	switch e.kind {
	case authMissing:
		a.Code, a.Message = "AccessDenied", "Access Denied"
	case authIncomplete:
		a.Code, a.Message, a.Status = "AuthorizationHeaderMalformed", "The authorization header is malformed; "+e.msg, http.StatusBadRequest
	case authUnknownKey:
		a.Code, a.Message = "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
		a.Fields["AWSAccessKeyId"] = e.keyID
	case authBadToken:
		a.Code, a.Message, a.Status = "InvalidToken", "The provided token is malformed or otherwise invalid.", http.StatusBadRequest
	case authExpiredToken:
		a.Code, a.Message, a.Status = "ExpiredToken", "The provided token has expired.", http.StatusBadRequest
	case authSkew:
		a.Code, a.Message = "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
		a.Fields["RequestTime"], a.Fields["ServerTime"] = e.when.Format(sigTime), e.now.Format(time.RFC3339)
		a.Fields["MaxAllowedSkewMilliseconds"] = skewS3.Milliseconds()
	case authExpired:
		a.Code, a.Message = "AccessDenied", "Request has expired"
		a.Fields["X-Amz-Expires"], a.Fields["Expires"] = int(e.limit.Seconds()), e.when.Add(e.limit).Format(time.RFC3339)
		a.Fields["ServerTime"] = e.now.Format(time.RFC3339)
	case authMismatch:
		a.Code, a.Message = "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."
		a.Fields["AWSAccessKeyId"], a.Fields["StringToSign"], a.Fields["SignatureProvided"] = e.keyID, e.toSign, e.provided
	}
	return a
}

// unknownService answers for a service of which nothing is known, in the protocol
// that the request seems to speak.
func unknownService(r *http.Request, sig *signature, id string) *response {
	name := "this service"
	if sig != nil && sig.service != "" {
		name = sig.service
	}
	msg := "freezeframe simulator: " + name + " is not simulated"
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if !form && !slices.Contains([]string{"cloudfront", "route53"}, name) {
		resp := newResponse(http.StatusNotImplemented, "application/x-amz-json-1.1")
		resp.header.Set("X-Amzn-Requestid", id)
		resp.header.Set("X-Amzn-Errortype", "NotImplemented")
		resp.body = marshalFlat(map[string]any{"__type": "NotImplemented", "message": msg})
		return resp
	}
	resp := newResponse(http.StatusNotImplemented, "text/xml")
	x := &xmlWriter{}
	x.open("ErrorResponse", "")
	x.open("Error", "")
	x.element("Code", "", "NotImplemented")
	x.element("Message", "", msg)
	x.close("Error")
	x.element("RequestID", "", id)
	x.close("ErrorResponse")
	resp.body = x.b
	return resp
}

// invalidError is a request that breaks the shapes' rules.
type invalidError struct{ found []violation }

func (e *invalidError) Error() string { return validationText(e.found) }

// worded: the same text in most services, under the code of each.
func (e *invalidError) worded(service string) *apiError {
	first := e.found[0]
	switch service {
	case "iam", "sts":
		return fail("ValidationError", "%s", iamText(e.found))
	case "guardduty":
		return fail("BadRequestException", "%s", validationText(e.found))
	case "ecr":
		return fail("InvalidParameterException", "Invalid parameter at '%s' failed to satisfy constraint: '%s'", first.path, first.constraint)
	case "xray", "athena":
		return fail("InvalidRequestException", "%s", validationText(e.found))
	case "logs":
		return fail("InvalidParameterException", "%s", validationText(e.found))
	case "sqs":
		if first.missing {
			a := fail("MissingRequiredParameterException", "The request must contain the parameter %s.", goName(first.path))
			return a
		}
		return fail("InvalidParameterValueException", "Value %s for parameter %s is invalid. Reason: %s.", first.value, goName(first.path), first.constraint)
	case "s3":
		return s3Invalid(first)
	case "ec2":
		return ec2Invalid(first)
	case "efs":
		return efsFail("BadRequest", "%s", validationText(e.found))
	}
	return fail("ValidationException", "%s", validationText(e.found))
}

// iamText is IAM's own sentence for a name that does not fit its pattern.
func iamText(found []violation) string {
	if v := found[0]; len(found) == 1 && v.constraint == `Member must satisfy regular expression pattern: [\w+=,.@-]+` {
		return fmt.Sprintf("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", v.path)
	}
	return validationText(found)
}

func s3Invalid(v violation) *apiError {
	if v.missing {
		a := fail("InvalidRequest", "Missing required header for this request: %s", v.path)
		return a
	}
	if strings.Contains(v.path, ".") {
		return malformed("s3", v.path)
	}
	a := fail("InvalidArgument", "The value for %s is not valid: %s", v.path, v.constraint)
	a.Fields = map[string]any{"ArgumentName": v.path, "ArgumentValue": v.value}
	return a
}

// wrongType is a value of another type than the shape's.
func wrongType(service, msg string) *apiError {
	switch service {
	case "iam", "sts":
		return fail("MalformedInput", "%s", msg)
	case "s3":
		return fail("InvalidArgument", "%s", msg)
	case "ec2":
		return fail("InvalidParameterValue", "%s", msg)
	}
	return fail("SerializationException", "%s", msg)
}

// malformed is a body that cannot be read at all.
func malformed(service, msg string) *apiError {
	switch service {
	case "lambda":
		return fail("InvalidRequestContentException", "Could not parse request body into json: %s", msg)
	case "iam", "sts":
		return fail("MalformedInput", "%s", msg)
	case "s3":
		return fail("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	return fail("SerializationException", "%s", msg)
}

// badMarker is a pagination token that the service did not give out.
func badMarker(service string) *apiError {
	switch service {
	case "lambda":
		return fail("InvalidParameterValueException", "The pagination token is not valid.")
	case "iam":
		return fail("ValidationError", "Invalid Marker.")
	case "ec2":
		return fail("InvalidPaginationToken", "The specified pagination token is not valid or is expired.")
	case "efs":
		return efsFail("BadRequest", "The marker is not valid.")
	case "cloudtrail":
		return fail("InvalidNextTokenException", "The token is invalid, or was not given out for this request.")
	case "logs":
		return fail("InvalidParameterException", "The specified nextToken is invalid.")
	case "kms":
		return fail("InvalidMarkerException", "The marker is not valid.")
	case "s3":
		return fail("InvalidArgument", "The continuation token provided is incorrect")
	case "guardduty":
		return fail("BadRequestException", "The request is rejected because the nextToken is invalid.")
	case "ecr":
		return fail("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint: 'the token is not valid'")
	case "cloudwatch":
		return fail("InvalidNextToken", "The token is not valid.")
	case "config":
		return fail("InvalidNextTokenException", "The nextToken provided is invalid.")
	case "xray", "athena":
		return fail("InvalidRequestException", "The pagination token is not valid.")
	case "sqs":
		return fail("InvalidParameterValueException", "Invalid or expired next token.")
	}
	return fail("ValidationException", "The pagination token is not valid.")
}
