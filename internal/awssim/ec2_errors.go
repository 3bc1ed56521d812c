package awssim

import (
	"net/http"
	"strings"
)

// How EC2 words what the core refuses: "Error codes for the Amazon EC2 API", EC2 API
// Reference; of denials, CloudTrail records of real accounts.

func (e *authError) ec2() *apiError {
	switch e.kind {
	case authSkew, authExpired, authExpiredToken:
		return &apiError{Code: "RequestExpired", Message: "Request has expired.", Status: http.StatusBadRequest}
	}
	return &apiError{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials", Status: http.StatusUnauthorized}
}

// ec2Denied names the resource where there is one. On AWS the encoded reason follows, which
// only sts:DecodeAuthorizationMessage opens; here there is none.
func ec2Denied(caller, action, resource, why string) *apiError {
	text := "You are not authorized to perform this operation. User: " + caller + " is not authorized to perform: " + action
	if resource != "*" {
		text += " on resource: " + resource
	}
	return &apiError{Code: "UnauthorizedOperation", Message: text + " " + why, Status: http.StatusForbidden}
}

func ec2Invalid(v violation) *apiError {
	name := v.path[strings.LastIndexByte(v.path, '.')+1:]
	switch {
	case v.missing:
		return fail("MissingParameter", "The request must contain the parameter %s", name)
	case name == "maxResults":
		return fail("InvalidMaxResults", "Value ( %s ) for parameter maxResults is invalid. %s", v.value, v.constraint)
	}
	return fail("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", v.value, name, v.constraint)
}
