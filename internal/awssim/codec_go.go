package awssim

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	pipestypes "github.com/aws/aws-sdk-go-v2/service/pipes/types"
)

// Between trees and the SDK's structs. A Go field has the member's name with its
// first letter in upper case; scalars are pointers or, where AWS's model gives a
// default, plain values; enums are named strings; unions are interfaces.

var (
	timeType   = reflect.TypeFor[time.Time]()
	readerType = reflect.TypeFor[io.Reader]()
)

// goName is the field of a member.
func goName(member string) string {
	r, n := utf8.DecodeRuneInString(member)
	return string(unicode.ToUpper(r)) + member[n:]
}

// fieldOf finds the field of a member in a struct.
func fieldOf(v reflect.Value, member string) (reflect.Value, error) {
	key := fieldKey{v.Type(), member}
	if index, ok := fieldIndex.Load(key); ok {
		return v.Field(index.(int)), nil
	}
	f, ok := key.typ.FieldByName(goName(member))
	if !ok || len(f.Index) != 1 {
		return reflect.Value{}, fmt.Errorf("%s has no field for member %s", v.Type(), member)
	}
	if text, ok := key.typ.FieldByName(goName(member) + "String"); ok && f.Type == reflect.PointerTo(timeType) {
		f = text // S3's Expires: any text on the wire, and the SDK keeps it beside the parsed time
	}
	fieldIndex.Store(key, f.Index[0])
	return v.Field(f.Index[0]), nil
}

// fieldIndex remembers where members of shapes lie in the SDK's types, which are as many as
// were compiled in: reflection looks for a name in all fields, each time.
var fieldIndex sync.Map // of fieldKey, int

type fieldKey struct {
	typ    reflect.Type
	member string
}

// fill sets dst, of the SDK's type for sh, from the tree.
func fill(sh *shape, v any, dst reflect.Value) error {
	if v == nil {
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		p := reflect.New(dst.Type().Elem())
		if err := fill(sh, v, p.Elem()); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	}
	switch v := v.(type) {
	case fields:
		return fillStruct(sh, v, dst)
	case dict:
		m := reflect.MakeMapWithSize(dst.Type(), len(v))
		for k, e := range v {
			val := reflect.New(dst.Type().Elem()).Elem()
			if err := fill(sh.elem.shape, e, val); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k).Convert(dst.Type().Key()), val)
		}
		dst.Set(m)
		return nil
	case []any:
		s := reflect.MakeSlice(dst.Type(), len(v), len(v))
		for i, e := range v {
			if err := fill(sh.elem.shape, e, s.Index(i)); err != nil {
				return err
			}
		}
		dst.Set(s)
		return nil
	}
	return fillScalar(sh, v, dst)
}

func fillStruct(sh *shape, v fields, dst reflect.Value) error {
	if dst.Kind() == reflect.Interface { // union: exactly one member is set (checked before)
		for name, e := range v {
			t := unionMember(dst.Type(), name)
			if t == nil {
				return fmt.Errorf("union %s: member %s is unknown", dst.Type(), name)
			}
			p := reflect.New(t)
			if err := fill(sh.byName[name].shape, e, p.Elem().FieldByName("Value")); err != nil {
				return err
			}
			dst.Set(p)
		}
		return nil
	}
	for name, e := range v {
		f, err := fieldOf(dst, name)
		if err != nil { // the model is newer than the SDK: say so, rather than lose what was asked
			return fail("NotImplemented", "freezeframe simulator: member %s of %s is not simulated", name, sh.name)
		}
		if err := fill(sh.byName[name].shape, e, f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// unionMember is the SDK's type for one member of a union: reflection cannot
// list the types that implement an interface.
func unionMember(union reflect.Type, member string) reflect.Type {
	for _, t := range append([]reflect.Type{
		reflect.TypeFor[iamtypes.PolicyIdentifierMemberInlinePolicyIdentifier](),
		reflect.TypeFor[iamtypes.PolicyIdentifierMemberPolicyArn](),
		reflect.TypeFor[iamtypes.PolicyIdentifierMemberPolicyType](),
		reflect.TypeFor[pipestypes.MQBrokerAccessCredentialsMemberBasicAuth](),
		reflect.TypeFor[pipestypes.MSKAccessCredentialsMemberClientCertificateTlsAuth](),
		reflect.TypeFor[pipestypes.MSKAccessCredentialsMemberSaslScram512Auth](),
		reflect.TypeFor[pipestypes.SelfManagedKafkaAccessConfigurationCredentialsMemberBasicAuth](),
		reflect.TypeFor[pipestypes.SelfManagedKafkaAccessConfigurationCredentialsMemberClientCertificateTlsAuth](),
		reflect.TypeFor[pipestypes.SelfManagedKafkaAccessConfigurationCredentialsMemberSaslScram256Auth](),
		reflect.TypeFor[pipestypes.SelfManagedKafkaAccessConfigurationCredentialsMemberSaslScram512Auth](),
	}, watchUnions()...) {
		if reflect.PointerTo(t).Implements(union) && strings.HasSuffix(t.Name(), "Member"+goName(member)) {
			return t
		}
	}
	return nil
}

func fillScalar(sh *shape, v any, dst reflect.Value) error {
	switch v := v.(type) {
	case []byte:
		if dst.Type() == readerType {
			dst.Set(reflect.ValueOf(bytes.NewReader(v)))
			return nil
		}
		if dst.Kind() == reflect.Slice {
			dst.SetBytes(v)
			return nil
		}
	case string:
		if dst.Kind() == reflect.String {
			dst.SetString(v)
			return nil
		}
		if textInNumber(sh) && dst.CanInt() {
			return fillNumber(v, dst)
		}
		if t, ok := parseTime(v); ok && dst.Type() == timeType { // S3's Expires again, in an input
			dst.Set(reflect.ValueOf(t))
			return nil
		}
	case int64:
		if dst.CanInt() && !dst.OverflowInt(v) {
			dst.SetInt(v)
			return nil
		}
		if dst.CanFloat() {
			dst.SetFloat(float64(v))
			return nil
		}
		if dst.Kind() == reflect.String && numberInText(sh) {
			dst.SetString(strconv.FormatInt(v, 10))
			return nil
		}
	case float64:
		if dst.CanFloat() {
			dst.SetFloat(v)
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case time.Time:
		if dst.Type() == timeType {
			dst.Set(reflect.ValueOf(v))
			return nil
		}
	case io.Reader:
		if dst.Kind() == reflect.Interface {
			dst.Set(reflect.ValueOf(v))
			return nil
		}
	}
	return fmt.Errorf("%T does not go into %s (shape %s)", v, dst.Type(), sh.name)
}

// read makes the tree of v. nil pointers, slices, maps and interfaces are
// absent; an empty slice or map that is not nil is present. Plain numbers and
// booleans (AWS's model gives them a default) are always present: AWS sends them.
func read(sh *shape, v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		if v.IsNil() {
			return nil, nil
		}
	}
	if sh.kind == "blob" && v.Kind() == reflect.Interface {
		r, ok := v.Interface().(io.Reader)
		if !ok {
			return nil, fmt.Errorf("%s is not a reader", v.Type())
		}
		return r, nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return read(sh, v.Elem())
	case reflect.Interface:
		return readUnion(sh, v.Elem())
	}
	switch sh.kind {
	case "struct":
		return readStruct(sh, v)
	case "list":
		return readList(sh, v)
	case "map":
		return readMap(sh, v)
	}
	return readScalar(sh, v)
}

func readStruct(sh *shape, v reflect.Value) (any, error) {
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("shape %s is a struct, not %s", sh.name, v.Type())
	}
	out := fields{}
	for _, m := range sh.members {
		f, err := fieldOf(v, m.name)
		if err != nil && !m.required {
			continue // the model is newer than the SDK: no operation can have set it
		}
		if err != nil {
			return nil, err
		}
		e, err := read(m.shape, f)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", sh.name, m.name, err)
		}
		if s, ok := e.(string); ok && s == "" && f.Kind() == reflect.String {
			continue // an enum's zero value means unset
		}
		if e != nil {
			out[m.name] = e
		}
	}
	return out, nil
}

func readUnion(sh *shape, v reflect.Value) (any, error) {
	v = reflect.Indirect(v)
	_, member, ok := strings.Cut(v.Type().Name(), "Member")
	if !ok || v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a member of union %s", v.Type(), sh.name)
	}
	for _, m := range sh.members {
		if goName(m.name) == member {
			e, err := read(m.shape, v.FieldByName("Value"))
			return fields{m.name: e}, err
		}
	}
	return nil, fmt.Errorf("union %s has no member %s", sh.name, member)
}

func readList(sh *shape, v reflect.Value) (any, error) {
	if v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("shape %s is a list, not %s", sh.name, v.Type())
	}
	out := make([]any, 0, v.Len())
	for i := range v.Len() {
		e, err := read(sh.elem.shape, v.Index(i))
		if err != nil {
			return nil, err
		}
		if e == nil {
			return nil, fmt.Errorf("list %s holds a nil", sh.name)
		}
		out = append(out, e)
	}
	return out, nil
}

func readMap(sh *shape, v reflect.Value) (any, error) {
	if v.Kind() != reflect.Map {
		return nil, fmt.Errorf("shape %s is a map, not %s", sh.name, v.Type())
	}
	out := make(dict, v.Len())
	for it := v.MapRange(); it.Next(); {
		e, err := read(sh.elem.shape, it.Value())
		if err != nil {
			return nil, err
		}
		if e == nil {
			return nil, fmt.Errorf("map %s holds a nil at %s", sh.name, it.Key())
		}
		out[it.Key().String()] = e
	}
	return out, nil
}

// numberInText says that the SDK keeps a number as text, so that its paginators
// can take any service's token alike: S3's markers of parts.
func numberInText(sh *shape) bool {
	return sh.kind == "integer" && strings.HasSuffix(sh.name, "PartNumberMarker")
}

func fillNumber(text string, dst reflect.Value) error {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return &typeError{fmt.Sprintf("%q is no number", text)}
	}
	dst.SetInt(n)
	return nil
}

// textInNumber says the reverse: CloudFront's MaxItems of a request is text in the API.
func textInNumber(sh *shape) bool { return sh.kind == "string" && sh.name == "string" }

func readScalar(sh *shape, v reflect.Value) (any, error) {
	switch {
	case numberInText(sh) && v.Kind() == reflect.String:
		if v.String() == "" {
			return nil, nil
		}
		return strconv.ParseInt(v.String(), 10, 32)
	case textInNumber(sh) && v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case sh.kind == "timestamp" && v.Type() == timeType:
		return v.Interface().(time.Time), nil
	case sh.kind == "string" && v.Kind() == reflect.String:
		return v.String(), nil
	case sh.kind == "boolean" && v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case (sh.kind == "integer" || sh.kind == "long") && v.CanInt():
		return v.Int(), nil
	case (sh.kind == "float" || sh.kind == "double") && v.CanFloat():
		return v.Float(), nil
	case sh.kind == "blob" && v.Kind() == reflect.Slice:
		return v.Bytes(), nil
	}
	return nil, fmt.Errorf("shape %s is a %s, not %s", sh.name, sh.kind, v.Type())
}
