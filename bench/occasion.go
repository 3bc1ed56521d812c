package bench

import "strings"

// Functions are those of the account that have something to collect.
func Functions() []string {
	return []string{Function, ImageFunction, ReferenceFunction, DurableFunction, ManagedFunction}
}

// Occasion is the function of the account whose collection makes a call ("ECR:BatchGetImage"),
// or needs an action of IAM: not every kind of evidence can hang on one function.
func Occasion(call string) string {
	service, op, _ := strings.Cut(strings.ToLower(call), ":")
	switch {
	case service == "ecr":
		return ImageFunction
	case service == "s3" && (op == "getobject" || op == "getobjectversion"):
		return ReferenceFunction
	case service == "lambda" && strings.Contains(op, "durableexecution"):
		return DurableFunction
	case service == "lambda" && (strings.Contains(op, "capacityprovider") || strings.Contains(op, "scalingconfig")):
		return ManagedFunction
	}
	return Function
}
