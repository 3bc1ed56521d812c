package timeline

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// These are the hashes of the packages "one" and "two", as Lambda writes them.
const (
	hashOne = "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0="
	hashTwo = "P8TM/nRYcOLA2Z9x8w/wZWyN7dQcwdfT03aw2+aF4vM="
)

func codeCallRecord(id, at, action, who, hash, version string) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","eventTime":%q,"eventSource":"lambda.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","userName":%q,"accountId":"111122223333"},"eventID":%q,"requestParameters":{"functionName":"payments"},"responseElements":{"functionArn":%q,"codeSha256":%q,"version":%q}}`,
		at, action, who, id, testFn, hash, version) + "\n"
}

// TestPackages: each collected version says whether its package is in the case and has the hash
// that AWS declared, and which call brought it.
func TestPackages(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "olive", Home: t.TempDir(), Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{Kind: "collection", Operator: "olive", Account: "111122223333", Targets: []string{testFn}})
	if err != nil {
		t.Fatal(err)
	}
	source := func(qualifier string) evidence.Source {
		return evidence.Source{ARN: testFn, Qualifier: qualifier, Region: "eu-west-1", Account: "111122223333"}
	}
	put := func(artefact, qualifier, body, declared string) {
		m := evidence.Meta{Artefact: artefact, Name: artefact + qualifier, Started: now, Source: source(qualifier)}
		if declared != "" {
			m.Declared = &evidence.Declared{Algorithm: "sha256", Value: declared}
		}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	put("cloudtrail.lookup", "", codeCallRecord("made-one", "2026-02-01T00:00:00Z", "CreateFunction20150331", "olive", hashOne, "$LATEST")+
		codeCallRecord("published-1", "2026-02-02T00:00:00Z", "PublishVersion20150331", "ci", hashOne, "1")+
		codeCallRecord("upload-two", "2026-03-01T10:00:01Z", "UpdateFunctionCode20150331v2", "mallory", hashTwo, "$LATEST")+
		codeCallRecord("again-one", "2026-03-01T11:00:00Z", "UpdateFunctionCode20150331v2", "olive", hashOne, "$LATEST"), "")
	version := func(qualifier, at, hash string) string {
		return fmt.Sprintf(`{"FunctionArn":"%s:%s","CodeSha256":%q,"Version":%q,"LastModified":%q}`, testFn, qualifier, hash, qualifier, at)
	}
	put("lambda.configuration.versions", "", `{"Versions":[`+strings.Join([]string{
		version("1", "2026-02-01T00:00:01.000+0000", hashOne), // of the time when the code was changed last
		version("2", "2026-03-01T10:00:00.400+0000", hashTwo), // a moment before the call, by another clock
		version("3", "2026-03-01T10:30:00.000+0000", "bm93aGVyZQ=="), version("4", "2026-03-01T10:31:00.000+0000", "aW1hZ2U="),
		version("5", "2026-03-01T10:32:00.000+0000", "dW5hc2tlZA=="), version("$LATEST", "2026-03-01T11:00:00.000+0000", hashOne)}, ",")+`]}`, "")
	put("lambda.code", "1", "one", hashOne)
	put("lambda.code", "2", "three", hashTwo)
	for _, g := range []evidence.Gap{
		{Artefact: "lambda.code", Source: source("3"), State: evidence.Denied, Error: "AccessDeniedException: no", At: now},
		{Artefact: "lambda.code", Source: source("4"), State: evidence.Absent, Note: "a container image, no package: ecr.image says which", At: now},
	} {
		if err := w.Gap(g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	got := map[string]Event{}
	for _, o := range []Options{{}, {Workers: 1, RunEvents: 1}} {
		events, _ := eventsOf(t, o, Input{Case: c})
		for _, e := range events {
			if e.Kind == KindState {
				got[e.Qualifier] = e
			}
		}
		for _, x := range []struct{ version, state, link, says string }{
			{"1", PackageMatch, "made-one", "its package is in the case and has that hash; brought by CreateFunction of olive at 2026-02-01T00:00:00Z (made-one)"},
			{"2", PackageMismatch, "upload-two", "the package in the case has ANOTHER hash; brought by UpdateFunctionCode of mallory"},
			{"3", PackageMissing, "", "its package is not in the case: denied AccessDeniedException: no; no record of the call that brought it"},
			{"4", PackageImage, "", "it is a container image"},
			{"5", PackageMissing, "", "nobody asked for it"},
			{"$LATEST", PackageMatch, "again-one", "brought by UpdateFunctionCode of olive at 2026-03-01T11:00:00Z"},
		} {
			e := got[x.version]
			if e.Change.Package != x.state || e.LinkedTo != x.link || !strings.Contains(e.Message, x.says) || (e.Change.PackagePath != "") != (x.state == PackageMatch || x.state == PackageMismatch) {
				t.Errorf("version %s: package %q at %q, linked to %q: %s", x.version, e.Change.Package, e.Change.PackagePath, e.LinkedTo, e.Message)
			}
		}
	}
}
