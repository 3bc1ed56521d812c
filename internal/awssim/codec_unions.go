package awssim

import (
	"reflect"

	at "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	mt "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	xt "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// watchUnions are the members of unions of the services that watch a function.
func watchUnions() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[at.AnalyzerConfigurationMemberInternalAccess](),
		reflect.TypeFor[at.AnalyzerConfigurationMemberUnusedAccess](),
		reflect.TypeFor[at.FindingDetailsMemberExternalAccessDetails](),
		reflect.TypeFor[at.FindingDetailsMemberInternalAccessDetails](),
		reflect.TypeFor[at.FindingDetailsMemberUnusedIamRoleDetails](),
		reflect.TypeFor[at.FindingDetailsMemberUnusedIamUserAccessKeyDetails](),
		reflect.TypeFor[at.FindingDetailsMemberUnusedIamUserPasswordDetails](),
		reflect.TypeFor[at.FindingDetailsMemberUnusedPermissionDetails](),
		reflect.TypeFor[mt.EvaluationCriteriaMemberPromQLCriteria](),
		reflect.TypeFor[mt.EvaluationWindowMemberSlidingWindow](),
		reflect.TypeFor[mt.EvaluationWindowMemberWallClockWindow](),
		reflect.TypeFor[xt.AnnotationValueMemberBooleanValue](),
		reflect.TypeFor[xt.AnnotationValueMemberNumberValue](),
		reflect.TypeFor[xt.AnnotationValueMemberStringValue](),
	}
}
