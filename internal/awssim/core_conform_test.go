package awssim

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sharedData is the folder of reference data, which the tests read and the product
// does not need.
func sharedData(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("FREEZEFRAME_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	p := filepath.Join(dir, path)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("SKIPPED LOUDLY: no %s: set FREEZEFRAME_SHARED", p)
	}
	return p
}

func TestFactsLoad(t *testing.T) {
	all, err := loadFacts()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 9 {
		t.Errorf("%d services", len(all))
	}
	for _, s := range all {
		if _, err := protocolOf(s.protocols[0]); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func BenchmarkFacts(b *testing.B) {
	for range b.N {
		if _, err := loadFacts(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPatternsCompile: what the generator let through, with the anchors added.
func TestPatternsCompile(t *testing.T) {
	n := 0
	for _, s := range facts() {
		for _, sh := range s.shapes {
			for _, p := range []*pattern{sh.match, sh.not} {
				if p == nil {
					continue
				}
				n++
				if _, err := regexp.Compile(`^(?:` + p.src + `)$`); err != nil {
					t.Errorf("%s %s: %v", s.name, sh.name, err)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d patterns", n)
	}
}

// TestStructsFitShapes holds the SDK's structs against the table for every
// simulated operation: each member has a field that can carry it, and each field
// is a member.
func TestStructsFitShapes(t *testing.T) {
	ops := catalogue()
	for _, o := range ops {
		f := facts()[o.service].ops[o.name]
		seen := map[reflect.Type]bool{}
		if f.in != nil {
			fits(t, o.service+":"+o.name, f.in, o.input, seen)
		}
		if f.out != nil {
			fits(t, o.service+":"+o.name, f.out, o.output, seen)
		}
	}
	t.Logf("%d operations", len(ops))
}

func fits(t *testing.T, at string, sh *shape, typ reflect.Type, seen map[reflect.Type]bool) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch sh.kind {
	case "list":
		if typ.Kind() != reflect.Slice {
			t.Errorf("%s: %s is a list, not %s", at, sh.name, typ)
			return
		}
		fits(t, at+"[]", sh.elem.shape, typ.Elem(), seen)
	case "map":
		if typ.Kind() != reflect.Map {
			t.Errorf("%s: %s is a map, not %s", at, sh.name, typ)
			return
		}
		fits(t, at+"{}", sh.elem.shape, typ.Elem(), seen)
	case "struct":
		if typ.Kind() == reflect.Interface {
			for _, m := range sh.members {
				if unionMember(typ, m.name) == nil {
					t.Errorf("%s: no type for member %s of union %s", at, m.name, sh.name)
				}
			}
			return
		}
		fitsStruct(t, at, sh, typ, seen)
	default:
		if v, err := read(sh, reflect.New(typ).Elem()); err != nil && v == nil && typ.Kind() != reflect.Interface {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func fitsStruct(t *testing.T, at string, sh *shape, typ reflect.Type, seen map[reflect.Type]bool) {
	if typ.Kind() != reflect.Struct {
		t.Errorf("%s: %s is a struct, not %s", at, sh.name, typ)
		return
	}
	if seen[typ] {
		return
	}
	seen[typ] = true
	known := []string{"ResultMetadata", "ExpiresString"}
	for _, m := range sh.members {
		known = append(known, goName(m.name))
		f, err := fieldOf(reflect.New(typ).Elem(), m.name)
		if err != nil {
			if !newerThanSDK(typ, m.name) {
				t.Errorf("%s: %v", at, err)
			}
			continue
		}
		if f.Type() == reflect.PointerTo(timeType) && m.shape.kind == "string" {
			continue // S3's Expires of an input
		}
		fits(t, at+"."+m.name, m.shape, f.Type(), seen)
	}
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && !slices.Contains(known, f.Name) {
			t.Errorf("%s: field %s.%s is no member of %s", at, typ, f.Name, sh.name)
		}
	}
}

// newerThanSDK are members that the models have and the SDK in go.mod has not: an
// answer cannot carry them, and a request that does is refused by name. None may
// be required.
func newerThanSDK(typ reflect.Type, member string) bool {
	pkg := typ.PkgPath()[strings.LastIndex(typ.PkgPath(), "/service/")+len("/service/"):]
	service, _, _ := strings.Cut(pkg, "/")
	newer := map[string][]string{
		"lambda":         {"AcceleratorConfig", "RuntimeConfig", "ExpectedExecutionTimeoutTimestamp", "PauseDetails", "ExecutionPausedDetails", "ExecutionResumedDetails"},
		"kms":            {"ListKeysInput.ResourceOwners"},
		"s3":             {"CreateMultipartUploadOutput.VersionId", "UploadPartOutput.VersionId", "AbortMultipartUploadOutput.VersionId", "ListPartsOutput.VersionId", "MultipartUpload.VersionId"},
		"cloudtrail":     {"RecursiveLogging"},
		"scheduler":      {"Target.EventBridgePutEventsV2Parameters", "Target.EventBridgePutRawEventsParameters"},
		"apigateway":     {"jwtConfiguration"},
		"secretsmanager": {"CreateSecretInput.CrossAccountPrimaryARN", "CrossAccountPrimary", "CrossAccountReplicas", "PolicyName"},
	}[service]
	return newerWatchers(typ, member) || slices.Contains(newer, member) || slices.Contains(newer, typ.Name()+"."+member)
}
