package awssim

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// maxEnvironment is what a function's variables may be together, as JSON (AWS: Lambda quotas, 4 KB).
const maxEnvironment = 4096

// setEnvironment replaces the variables, where some are given, and the key they lie under.
func (c *call) setEnvironment(cfg *lt.FunctionConfiguration, env *lt.Environment, key *string) error {
	if env != nil {
		if err := checkEnvironment(env.Variables); err != nil {
			return err
		}
		cfg.Environment = nil
		if env.Variables != nil {
			cfg.Environment = &lt.EnvironmentResponse{Variables: env.Variables}
		}
	}
	switch {
	case key == nil:
		return nil
	case *key == "": // back to AWS's own key
		cfg.KMSKeyArn = nil
		return nil
	}
	if err := c.useKey("Encrypt", *key, environmentContext(cfg)); err != nil {
		e := c.asAPIError(err)
		return invalid("Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: %s KMS Message: %s", e.Code, e.Message)
	}
	return nil
}

func checkEnvironment(vars map[string]string) error {
	var reserved []string
	for k := range vars {
		if slices.Contains(reservedVariables(), k) {
			reserved = append(reserved, k)
		}
	}
	if slices.Sort(reserved); len(reserved) > 0 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	// AWS's text goes on with the variables themselves; ours does not repeat them.
	if text, err := json.Marshal(vars); err != nil || len(text) > maxEnvironment {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}

// reservedVariables are set by Lambda alone (AWS: Lambda developer guide, "Defined runtime
// environment variables", the reserved ones).
func reservedVariables() []string {
	return []string{
		"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
	}
}

// useKey asks for a key on behalf of the caller, as Lambda does before it uses it.
func (c *call) useKey(action, keyARN string, context map[string]string) error {
	k, err := c.findKey(keyARN)
	if err != nil {
		return err
	}
	seen := c.trail.resources // the record names the function alone
	err = c.allowKey(action, k, context)
	c.trail.resources = seen
	if err != nil {
		return err
	}
	return k.usable()
}

// environmentContext is the encryption context of a function's variables: its unqualified ARN.
func environmentContext(cfg *lt.FunctionConfiguration) map[string]string {
	arn := strings.SplitAfterN(aws.ToString(cfg.FunctionArn), ":", 8)
	return map[string]string{"aws:lambda:FunctionArn": strings.TrimSuffix(strings.Join(arn[:min(7, len(arn))], ""), ":")}
}

// environment is what the caller gets of the variables: of those under a customer's key
// only who may decrypt with it gets more than an error, in lists as well.
func (c *call) environment(v *version) *lt.EnvironmentResponse {
	key := aws.ToString(v.config.KMSKeyArn)
	if key == "" || v.config.Environment == nil {
		return v.config.Environment
	}
	err := c.useKey("Decrypt", key, environmentContext(&v.config))
	if err == nil {
		return v.config.Environment
	}
	e := c.asAPIError(err)
	return &lt.EnvironmentResponse{Error: &lt.EnvironmentError{ErrorCode: aws.String(e.Code), Message: aws.String(
		"Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions. KMS Exception: " + e.Code + " KMS Message: " + e.Message)}}
}

// seen is a version's configuration as the caller may see it now.
func (c *call) seen(v *version) *lt.FunctionConfiguration {
	out := v.view(c.now, c.cfg.Settle)
	out.Environment = c.environment(v)
	return out
}

// mergeLogging: a logging configuration is updated member by member. Levels belong to
// JSON, where they start as INFO.
func mergeLogging(had, in lt.LoggingConfig) *lt.LoggingConfig {
	overlay(&had, &in)
	if had.LogFormat != lt.LogFormatJson {
		had.ApplicationLogLevel, had.SystemLogLevel = "", ""
		return &had
	}
	if had.ApplicationLogLevel == "" {
		had.ApplicationLogLevel = lt.ApplicationLogLevelInfo
	}
	if had.SystemLogLevel == "" {
		had.SystemLogLevel = lt.SystemLogLevelInfo
	}
	return &had
}
