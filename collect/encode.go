package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// encoder turns SDK outputs into the JSON that the AWS CLI prints: the API's
// member names, no nil members, no ResultMetadata, times RFC 3339 in UTC. What
// must not be stored in clear is replaced here, wherever it occurs.
type encoder struct {
	redact func(value string) string // the stand-in of an environment value
}

// sealedMark begins what stands in a redacted document for a value that is sealed.
const sealedMark = "[sealed:"

// document is v as one line of JSON. Keys are sorted: the same answer, the same bytes.
func (e encoder) document(v any) ([]byte, error) {
	tree, err := e.value(reflect.ValueOf(v))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return nil, fmt.Errorf("encoding a %T: %w", v, err)
	}
	return b.Bytes(), nil
}

// smithyDocument is the SDK's free-form JSON value.
type smithyDocument interface {
	MarshalSmithyDocument() ([]byte, error)
}

func (e encoder) value(v reflect.Value) (any, error) {
	if !v.IsValid() {
		return nil, nil
	}
	if !v.CanInterface() {
		return nil, fmt.Errorf("encoding: unexported %s", v.Type())
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano), nil
	case json.RawMessage:
		return x, nil
	case []byte:
		return x, nil
	case smithyDocument:
		raw, err := x.MarshalSmithyDocument()
		return json.RawMessage(raw), err
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return e.value(v.Elem())
	case reflect.Interface:
		return e.union(v.Elem())
	case reflect.Struct:
		return e.structure(v)
	case reflect.Slice:
		return e.list(v)
	case reflect.Map:
		return e.mapping(v)
	case reflect.String:
		return v.String(), nil
	}
	return v.Interface(), nil
}

// union is a member of an SDK union, a struct XMemberNAME{Value}: {"NAME": value}.
// Other values in an interface are what they are.
func (e encoder) union(v reflect.Value) (any, error) {
	t := v
	for t.IsValid() && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !t.IsValid() || t.Kind() != reflect.Struct {
		return e.value(v)
	}
	if t.Type().Name() == "UnknownUnionMember" {
		return map[string]any{t.FieldByName("Tag").String(): nil}, nil
	}
	_, member, ok := strings.Cut(t.Type().Name(), "Member")
	if val := t.FieldByName("Value"); ok && val.IsValid() {
		inner, err := e.value(val)
		return map[string]any{memberName(t.Type(), member): inner}, err
	}
	return e.value(v)
}

func (e encoder) structure(v reflect.Value) (any, error) {
	switch x := v.Interface().(type) {
	case lambdatypes.EnvironmentResponse:
		v = reflect.ValueOf(e.sealedEnvironment(x))
	case lambdatypes.FunctionCodeLocation:
		x.Location = withoutQuery(x.Location)
		v = reflect.ValueOf(x)
	case lambdatypes.LayerVersionContentOutput:
		x.Location = withoutQuery(x.Location)
		v = reflect.ValueOf(x)
	}
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || nothing(v.Field(i)) {
			continue
		}
		val, err := e.member(v.Type(), f.Name, v.Field(i))
		if err != nil {
			return nil, err
		}
		out[memberName(v.Type(), f.Name)] = val
	}
	return out, nil
}

// nothing says whether a member was not in the answer. Numbers and booleans that
// are no pointers are always there; an enum or list that is empty is not.
func nothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

// member encodes one field. IAM's policy documents are percent-encoded JSON: the
// CLI prints them as JSON, and so do we, as they are written if they parse.
func (e encoder) member(in reflect.Type, name string, v reflect.Value) (any, error) {
	if !strings.HasSuffix(name, "Document") || !strings.Contains(in.PkgPath(), "/service/iam") || v.Kind() != reflect.Pointer {
		return e.value(v)
	}
	text, err := url.PathUnescape(v.Elem().String())
	if err != nil || !utf8.ValidString(text) {
		text = v.Elem().String() // as it was served: a document must be JSON, whatever is in it
	}
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	return text, nil
}

// memberName is the API's spelling: the Go SDK capitalises it, some services do not.
func memberName(in reflect.Type, field string) string {
	if !lowerNamed(in) {
		return field
	}
	return string(unicode.ToLower(rune(field[0]))) + field[1:]
}

// lowerNamed says whether the API's members begin with small letters.
func lowerNamed(in reflect.Type) bool {
	for _, pkg := range []string{"/service/cloudwatchlogs", "/service/accessanalyzer", "/service/inspector2", "/service/configservice/types"} {
		if strings.Contains(in.PkgPath(), pkg) {
			return true
		}
	}
	// Those of API Gateway's second API do not.
	return strings.Contains(in.PkgPath()+"/", "/service/apigateway/")
}

func (e encoder) list(v reflect.Value) (any, error) {
	out := make([]any, v.Len())
	for i := range out {
		val, err := e.value(v.Index(i))
		if err != nil {
			return nil, err
		}
		out[i] = val
	}
	return out, nil
}

func (e encoder) mapping(v reflect.Value) (any, error) {
	out := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		val, err := e.value(it.Value())
		if err != nil {
			return nil, err
		}
		out[it.Key().String()] = val
	}
	return out, nil
}

func (e encoder) sealedEnvironment(x lambdatypes.EnvironmentResponse) lambdatypes.EnvironmentResponse {
	if x.Variables == nil {
		return x
	}
	sealed := make(map[string]string, len(x.Variables))
	for k, v := range x.Variables {
		sealed[k] = e.redact(v)
	}
	x.Variables = sealed
	return x
}

// withoutQuery keeps of a presigned URL what names the object.
func withoutQuery(location *string) *string {
	if location == nil {
		return nil
	}
	u, err := url.Parse(*location)
	if err != nil {
		return nil
	}
	bare := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	return &bare
}
