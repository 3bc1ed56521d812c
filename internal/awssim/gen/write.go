package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// writer writes one service's table. See ../facts.go for the format.
type writer struct {
	m       *model
	s       selection
	reached map[string]bool
	out     bytes.Buffer
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (w *writer) table() ([]byte, error) {
	md := w.m.Metadata
	w.out.WriteString("# Made by internal/awssim/gen from AWS's API shapes. Do not edit.\n")
	w.line("service", w.s.name,
		kv("id", md.ServiceID), kv("version", md.APIVersion), kv("protocols", cmp.Or(strings.Join(md.Protocols, ","), md.Protocol)),
		kv("json", md.JSONVersion), kv("target", md.TargetPrefix), kv("ns", md.XMLNamespace),
		kv("signing", cmp.Or(md.SigningName, md.EndpointPrefix)), on("global", md.GlobalEndpoint != ""),
		on("querycompat", md.AWSQueryCompatible != nil))
	if err := w.operations(); err != nil {
		return nil, err
	}
	for _, name := range sorted(w.reached) {
		if err := w.shape(name); err != nil {
			return nil, fmt.Errorf("shape %s: %w", name, err)
		}
	}
	return w.out.Bytes(), nil
}

// line writes the non-empty fields with a space between them.
func (w *writer) line(fields ...string) {
	fields = slices.DeleteFunc(fields, func(f string) bool { return f == "" })
	w.out.WriteString(strings.Join(fields, " ") + "\n")
}

// more writes a line that belongs to the one before: it begins with a space.
func (w *writer) more(fields ...string) {
	w.out.WriteByte(' ')
	w.line(fields...)
}

func (w *writer) operations() error {
	for _, op := range w.s.ops {
		if op != "*" && w.m.Operations[op].Name == "" {
			return fmt.Errorf("the model knows no operation %s", op)
		}
	}
	for _, name := range sorted(w.m.Operations) {
		op := w.m.Operations[name]
		if !w.wanted(name) {
			w.line("known", name, op.HTTP.Method, op.HTTP.RequestURI)
			continue
		}
		w.operation(name, op)
	}
	return nil
}

func (w *writer) wanted(name string) bool {
	if slices.Contains(w.s.not, name) {
		return false
	}
	return slices.Contains(w.s.ops, name) || slices.Contains(w.s.ops, "*")
}

func (w *writer) operation(name string, op operation) {
	in, out, wrapper := "-", "-", ""
	if op.Input != nil {
		in = op.Input.Shape
		w.reach(in)
	}
	if op.Output != nil {
		out, wrapper = op.Output.Shape, op.Output.ResultWrapper
		w.reach(out)
	}
	w.line("op", name, op.HTTP.Method, op.HTTP.RequestURI, in, out,
		kv("status", number(op.HTTP.ResponseCode)), kv("wrapper", wrapper), on("readonly", op.ReadOnly), on("noauth", op.AuthType == "none"))
	var errs []string
	for _, e := range op.Errors {
		errs = append(errs, e.Shape)
		w.reach(e.Shape)
	}
	if len(errs) > 0 {
		slices.Sort(errs)
		w.more("errors", strings.Join(errs, " "))
	}
}

// reach marks a shape and all it refers to.
func (w *writer) reach(name string) {
	if name == "" || w.reached[name] {
		return
	}
	w.reached[name] = true
	s := w.m.Shapes[name]
	for _, m := range s.Members {
		w.reach(m.Shape)
	}
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			w.reach(r.Shape)
		}
	}
}

func (w *writer) shape(name string) error {
	s, ok := w.m.Shapes[name]
	if !ok {
		return fmt.Errorf("is referred to, but not in the model")
	}
	limits := []string{kv("min", num(s.Min)), kv("max", num(s.Max)), on("flat", s.Flattened), on("sensitive", s.Sensitive)}
	switch s.Type {
	case "structure":
		return w.structure(name, s)
	case "list":
		w.line(append([]string{"list", name, s.Member.Shape, kv("xml", s.Member.LocationName)}, limits...)...)
	case "map":
		w.line(append([]string{"map", name, s.Key.Shape, s.Value.Shape, kv("key", s.Key.LocationName), kv("value", s.Value.LocationName)}, limits...)...)
	case "string":
		pattern, not, err := patternOf(name, s.Pattern)
		if err != nil {
			return err
		}
		w.line(append([]string{"string", name, kv("pattern", pattern), kv("not", not), kv("enum", strings.Join(append(s.Enum, beyondModel(w.s.name, name)...), "|"))}, limits...)...)
	case "integer", "long", "float", "double", "boolean", "blob", "timestamp":
		w.line(append([]string{s.Type, name, kv("ts", s.TimestampFormat), on("stream", s.Streaming)}, limits...)...)
	default:
		return fmt.Errorf("type %q is not known", s.Type)
	}
	return nil
}

func (w *writer) structure(name string, s shape) error {
	status := ""
	if s.Exception {
		status = cmp.Or(number(s.Error.HTTPStatusCode), "-")
	}
	if s.EventStream {
		return fmt.Errorf("is an event stream: leave its operation out")
	}
	w.line("struct", name, kv("payload", s.Payload), kv("xml", s.LocationName), ns(s.XMLNamespace), kv("error", status),
		kv("code", s.Error.Code), on("fault", s.Fault), on("union", s.Union), on("document", s.Document))
	for _, m := range s.Members {
		xml := ""
		if m.Location == "" {
			xml = m.LocationName
		}
		w.more(m.Name, m.Shape, on("!", slices.Contains(s.Required, m.Name) && !leftOut(name, m.Name)), location(m.ref), kv("xml", xml),
			on("flat", m.Flattened), on("attr", m.XMLAttribute), ns(m.XMLNamespace), on("stream", m.Streaming),
			on("token", m.IdempotencyToken), kv("ts", m.TimestampFormat))
	}
	return nil
}

// beyondModel are enum values that AWS answers with, though its model does not
// list them. The source is a record of a real account.
func beyondModel(service, shape string) []string {
	return map[string][]string{
		// UpdateFunctionConfiguration in Stratus Red Team's published CloudTrail log of
		// aws.persistence.lambda-layer-extension
		"lambda.LastUpdateStatusReasonCode": {"Creating"},
	}[service+"."+shape]
}

// leftOut are members that AWS leaves out though its model requires them: a function
// without code signing is answered with its name alone (where an emulator answers with an
// empty ARN, that is known as its mistake), and a report that is not done has no date of
// completion (IAM API reference: "null if the job is still in progress").
func leftOut(shape, member string) bool {
	return shape == "GetFunctionCodeSigningConfigResponse" && member == "CodeSigningConfigArn" ||
		shape == "GetServiceLastAccessedDetailsResponse" && member == "JobCompletionDate"
}

func location(r ref) string {
	switch r.Location {
	case "":
		return ""
	case "statusCode":
		return "status"
	}
	short := map[string]string{"uri": "uri", "querystring": "query", "header": "header", "headers": "headers"}
	return short[r.Location] + "=" + r.LocationName
}

func ns(n *namespace) string {
	if n == nil {
		return ""
	}
	return kv("ns", n.URI) + on(" nsprefix="+n.Prefix, n.Prefix != "")
}

func kv(key, value string) string {
	if value == "" {
		return ""
	}
	if strings.ContainsAny(value, " \"\t\n\\") {
		value = strconv.Quote(value)
	}
	return key + "=" + value
}

func on(name string, set bool) string {
	if set {
		return name
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func num[T fmt.Stringer](n *T) string {
	if n == nil {
		return ""
	}
	return (*n).String()
}

// patternOf splits a pattern that Go's regexp cannot take (look-around) into
// what must match and what must not. Both are of the whole value.
func patternOf(name, p string) (match, not string, err error) {
	split := map[string][2]string{
		"Alias":                   {`[a-zA-Z0-9-_]+`, `[0-9]+`},
		"FunctionUrlQualifier":    {`[0-9a-zA-Z-_]+`, `[0-9]+`},
		"FunctionUrlFunctionName": {strings.ReplaceAll(p, `(?!\d+$)`, ""), `.*:\d+`},
		"S3Bucket":                {`[0-9A-Za-z\.\-_]*`, `.*\.`},
		"accountAliasType":        {`[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, `.*--.*`},
		"CollectionName":          {`[_a-zA-Z0-9][^$]*`, `system\..*`},
		"ScheduledActionName":     {`.+`, `[ ].*|.*([\x00-\x1f]|[\x7f-\x{9f}]|[:/|]).*|.*[ ]`},
		"Path":                    {`^(\/|(\/[^$#<>;\x60|&?{}^*/\n]+){1,4})$`, `.*/\..*`}, // of EFS
		"TagKey":                  {regexp.MustCompile(`\(\?!.*?:\)`).ReplaceAllString(p, ""), `[aA][wW][sS]:.*`},
		"EventBridgeEventSource":  {`.*`, `aws\..*`},
		"Source":                  {`[/.\-_A-Za-z0-9]+|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)`, `aws\..*`}, // of EventBridge, in a schedule
		"AlarmName":               {`.+`, `\s*`},
		"PathParameter":           {``, `\s*`},
	}
	if strings.Contains(p, "(?!") || strings.Contains(p, "(?<") || strings.Contains(p, "(?=") {
		two, ok := split[name]
		if !ok {
			return "", "", fmt.Errorf("pattern %q looks around: say in patternOf what it means", p)
		}
		p, not = two[0], two[1]
	}
	// the models write \uXXXX in Java's way, and what is beyond 16 bits as pairs of surrogates
	p = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`).ReplaceAllString(p, `\x{$1}`)
	p = strings.ReplaceAll(p, `\p{Print}`, `[[:print:]]`)
	p = strings.ReplaceAll(p, `\x{D800}\x{DC00}-\x{DBFF}\x{DFFF}`, `\x{10000}-\x{10FFFF}`)
	if _, err := regexp.Compile(p); err != nil {
		return "", "", fmt.Errorf("pattern %q: %w", p, err)
	}
	return p, not, nil
}
