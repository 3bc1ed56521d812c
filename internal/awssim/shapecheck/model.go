// Package shapecheck judges the simulator's wire traffic against AWS's own API
// shapes, as published: every accepted request and every answer, byte for byte as
// they pass. It reads the original models, shares no code with the simulator's
// codec, and so catches what the codec and its tables get wrong together.
//
// It is for tests: Checker.Wrap stands in front of a handler, Problems lists what
// was wrong.
package shapecheck

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// model is one service as botocore describes it, in the parts that matter here.
type model struct {
	name string // of its file: what its operations are counted under

	Metadata struct {
		Protocol, TargetPrefix, SigningName, EndpointPrefix string
	}
	Operations map[string]*operation
	Shapes     map[string]*shape
}

type operation struct {
	Name string
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input  *ref
	Output *ref
	Errors []ref

	Deprecated bool
}

type ref struct {
	Shape         string
	Location      string
	LocationName  string
	Flattened     bool
	Streaming     bool
	XMLAttribute  bool
	ResultWrapper string
}

type shape struct {
	Type            string
	Members         map[string]ref
	Member          *ref
	Key, Value      *ref
	Required        []string
	Enum            []string
	Flattened       bool
	Payload         string
	Union           bool
	TimestampFormat string
	Error           *struct{ Code string }
	Eventstream     bool
}

// files are the models of the simulator's services, by the name in the credential scope.
// Two services may share one: then the second is told by its paths.
func files() map[string][]string {
	return map[string][]string{
		"lambda": {"lambda"}, "iam": {"iam"}, "sts": {"sts"}, "s3": {"s3"}, "cloudtrail": {"cloudtrail"},
		"logs": {"logs"}, "events": {"events"}, "kms": {"kms"}, "sqs": {"sqs"},
		"sns": {"sns"}, "scheduler": {"scheduler"}, "pipes": {"pipes"}, "application-autoscaling": {"application-autoscaling"},
		"secretsmanager": {"secretsmanager"}, "ssm": {"ssm"},
		"apigateway": {"apigateway", "apigatewayv2"}, "elasticloadbalancing": {"elbv2"}, "ecr": {"ecr"}, "elasticfilesystem": {"efs"},
		"athena": {"athena"}, "ec2": {"ec2"}, "cloudfront": {"cloudfront"}, "xray": {"xray"}, "config": {"config"}, "guardduty": {"guardduty"}, "access-analyzer": {"accessanalyzer"}, "inspector2": {"inspector2"}, "monitoring": {"cloudwatch"},
	}
}

// models are those in a folder, which nothing changes once they are read.
type models struct {
	dir string

	mu    sync.Mutex
	known map[string]*model
}

// of is the model of the service that a request is for, read when it is first asked for; nil:
// not one of the simulator's.
func (c *models) of(r *http.Request) (*model, error) {
	names := files()[serviceOf(r)]
	if len(names) == 0 {
		return nil, nil
	}
	name := names[0]
	if len(names) > 1 && strings.HasPrefix(r.URL.Path, "/v2/") {
		name = names[1]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.known[name]; m != nil {
		return m, nil
	}
	m, err := read(filepath.Join(c.dir, name+".json.gz"))
	if err == nil {
		m.name = name
		c.known[name] = m
	}
	return m, err
}

func read(path string) (*model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the API shapes: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading the API shapes of %s: %w", path, err)
	}
	m := &model{}
	if err := json.NewDecoder(z).Decode(m); err != nil {
		return nil, fmt.Errorf("reading the API shapes of %s: %w", path, err)
	}
	if err := More(strings.TrimSuffix(filepath.Base(path), ".json.gz"), m); err != nil {
		return nil, err
	}
	for name, op := range m.Operations {
		if strings.HasPrefix(op.Name, name+"20") {
			op.Name = name // CloudFront's carry the API's version
		}
	}
	if s := m.Shapes["LastUpdateStatusReasonCode"]; s != nil {
		s.Enum = append(s.Enum, "Creating") // AWS says it (published logs of real accounts), its model does not
	}
	if s := m.Shapes["GetFunctionCodeSigningConfigResponse"]; s != nil {
		s.Required = []string{"FunctionName"} // without code signing AWS leaves the ARN out
	}
	if s := m.Shapes["GetServiceLastAccessedDetailsResponse"]; s != nil { // while the job runs, there is no JobCompletionDate
		s.Required = []string{"JobCreationDate", "JobStatus", "ServicesLastAccessed"}
	}
	return m, nil
}

func (m *model) shape(r *ref) *shape {
	if r == nil {
		return &shape{Type: "structure"}
	}
	if s := m.Shapes[r.Shape]; s != nil {
		return s
	}
	return &shape{Type: "unknown " + r.Shape}
}

// body is the shape as far as it travels in the body, and whether there is one.
func (m *model) body(s *shape) (*shape, *ref, bool) {
	if s.Payload != "" {
		r := s.Members[s.Payload]
		return m.shape(&r), &r, true
	}
	b := *s
	b.Members, b.Required = map[string]ref{}, nil
	for name, r := range s.Members {
		if r.Location == "" {
			b.Members[name] = r
		}
	}
	for _, name := range s.Required {
		if _, ok := b.Members[name]; ok {
			b.Required = append(b.Required, name)
		}
	}
	return &b, nil, len(b.Members) > 0
}

// wire is the member's name as sent.
func wire(name string, r ref) string {
	if r.LocationName != "" {
		return r.LocationName
	}
	return name
}

func inEnum(s *shape, v string) bool {
	if len(s.Enum) == 0 {
		return true
	}
	for _, e := range s.Enum {
		if e == v {
			return true
		}
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
