package contain

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// setting is a part of a configuration that differs, and how a write states it.
type setting struct {
	name string
	set  func(in *lambda.UpdateFunctionConfigurationInput)
}

// differing are the parts in which now is not as to. What is unset in to is stated as the
// empty value by which the API takes it away.
func differing(now, to configuration) []setting {
	var all []setting
	add := func(differs bool, name string, set func(*lambda.UpdateFunctionConfigurationInput)) {
		if differs {
			all = append(all, setting{name, set})
		}
	}
	type input = lambda.UpdateFunctionConfigurationInput
	add(now.Role != to.Role, "the role", func(in *input) { in.Role = aws.String(to.Role) })
	add(now.Handler != to.Handler, "the handler", func(in *input) { in.Handler = aws.String(to.Handler) })
	add(now.Runtime != to.Runtime, "the runtime", func(in *input) { in.Runtime = lambdatypes.Runtime(to.Runtime) })
	add(now.Description != to.Description, "the description", func(in *input) { in.Description = aws.String(to.Description) })
	add(now.Timeout != to.Timeout, "the timeout", func(in *input) { in.Timeout = aws.Int32(to.Timeout) })
	add(now.Memory != to.Memory, "the memory", func(in *input) { in.MemorySize = aws.Int32(to.Memory) })
	add(now.Storage != to.Storage, "the size of /tmp", func(in *input) { in.EphemeralStorage = &lambdatypes.EphemeralStorage{Size: aws.Int32(to.Storage)} })
	add(!slices.Equal(now.Layers, to.Layers), "the list of layers", func(in *input) { in.Layers = append([]string{}, to.Layers...) })
	network := slices.Equal(now.Subnets, to.Subnets) && slices.Equal(now.Groups, to.Groups) && now.IPv6 == to.IPv6
	add(!network, "the network", func(in *input) {
		in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: append([]string{}, to.Subnets...), SecurityGroupIds: append([]string{}, to.Groups...)}
		if now.IPv6 || to.IPv6 {
			in.VpcConfig.Ipv6AllowedForDualStack = aws.Bool(to.IPv6)
		}
	})
	add(now.Tracing != to.Tracing, "tracing", func(in *input) {
		in.TracingConfig = &lambdatypes.TracingConfig{Mode: lambdatypes.TracingMode(to.Tracing)}
	})
	add(!maps.Equal(now.Logging, to.Logging), "logging", func(in *input) { in.LoggingConfig = loggingOf(to.Logging) })
	add(!slices.Equal(now.Mounts, to.Mounts), "the mounted file systems", func(in *input) {
		in.FileSystemConfigs = []lambdatypes.FileSystemConfig{}
		for _, m := range to.Mounts {
			in.FileSystemConfigs = append(in.FileSystemConfigs, lambdatypes.FileSystemConfig{Arn: aws.String(m.ARN), LocalMountPath: aws.String(m.Path)})
		}
	})
	add(now.DeadLetter != to.DeadLetter, "the dead-letter queue", func(in *input) {
		in.DeadLetterConfig = &lambdatypes.DeadLetterConfig{TargetArn: aws.String(to.DeadLetter)}
	})
	add(now.Key != to.Key, "the key of the environment", func(in *input) { in.KMSKeyArn = aws.String(to.Key) })
	add(now.SnapStart != to.SnapStart, "SnapStart", func(in *input) {
		in.SnapStart = &lambdatypes.SnapStart{ApplyOn: lambdatypes.SnapStartApplyOn(to.SnapStart)}
	})
	add(!sameImage(now.Image, to.Image), "the image's command", func(in *input) {
		in.ImageConfig = &lambdatypes.ImageConfig{}
		if to.Image != nil {
			in.ImageConfig = to.Image
		}
	})
	return all
}

func loggingOf(l map[string]string) *lambdatypes.LoggingConfig {
	return &lambdatypes.LoggingConfig{
		LogFormat: lambdatypes.LogFormat(l["LogFormat"]), LogGroup: orNil(l["LogGroup"]),
		ApplicationLogLevel: lambdatypes.ApplicationLogLevel(l["ApplicationLogLevel"]), SystemLogLevel: lambdatypes.SystemLogLevel(l["SystemLogLevel"]),
	}
}

// sameImage: no override and an empty one are the same.
func sameImage(a, b *lambdatypes.ImageConfig) bool {
	var none lambdatypes.ImageConfig
	if a == nil {
		a = &none
	}
	if b == nil {
		b = &none
	}
	return slices.Equal(a.Command, b.Command) && slices.Equal(a.EntryPoint, b.EntryPoint) && aws.ToString(a.WorkingDirectory) == aws.ToString(b.WorkingDirectory)
}
