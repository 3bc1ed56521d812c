package awssim

import (
	"reflect"

	xt "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// watchUnions are the members of unions of the services that watch a function.
func watchUnions() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[xt.AnnotationValueMemberBooleanValue](),
		reflect.TypeFor[xt.AnnotationValueMemberNumberValue](),
		reflect.TypeFor[xt.AnnotationValueMemberStringValue](),
	}
}
