package caseuco

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// base ends in .invalid, which RFC 2606 keeps from ever being anybody's: these names are
// to be told apart, not looked up.
const base = "http://freezeframe.invalid/case/"

// context names the vocabularies: CASE 1.x and UCO 1.x, whose IRIs do not change within 1.
func context(caseID string) map[string]string {
	const uco = "https://ontology.unifiedcyberontology.org/uco/"
	return map[string]string{
		"kb":                 base + caseID + "/",
		"case-investigation": "https://ontology.caseontology.org/case/investigation/",
		"uco-action":         uco + "action/",
		"uco-core":           uco + "core/",
		"uco-identity":       uco + "identity/",
		"uco-observable":     uco + "observable/",
		"uco-tool":           uco + "tool/",
		"uco-types":          uco + "types/",
		"xsd":                "http://www.w3.org/2001/XMLSchema#",
	}
}

// namespace is the version 5 namespace of all names made here.
const namespace = "8d1f6a52-6f0e-5c55-9d0c-6d7c9f4a2b11"

// ref points at another node.
type ref struct {
	ID string `json:"@id"`
}

// name is a node's IRI: its kind and a version 5 UUID (RFC 9562) of case, kind and id, as
// CASE wants IRIs to end in one. The same case always gives the same names.
func name(caseID, kind, id string) ref {
	space, _ := hex.DecodeString(namespace[:8] + namespace[9:13] + namespace[14:18] + namespace[19:23] + namespace[24:]) // a constant
	sum := sha1.Sum(append(space, caseID+"\x00"+kind+"\x00"+id...))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	x := hex.EncodeToString(u)
	return ref{"kb:" + kind + "-" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]}
}

// literal is a value whose type JSON does not say.
type literal struct {
	Type  string `json:"@type"`
	Value string `json:"@value"`
}

func moment(t time.Time) *literal {
	if t.IsZero() {
		return nil
	}
	return &literal{"xsd:dateTime", t.UTC().Format(time.RFC3339Nano)}
}

// object is what every node has (uco-core:UcoObject).
type object struct {
	ref
	Type        string   `json:"@type"`
	Name        string   `json:"uco-core:name,omitempty"`
	Description []string `json:"uco-core:description,omitempty"`
	Created     *literal `json:"uco-core:objectCreatedTime,omitempty"`
}

type investigation struct {
	object
	Focus         []string `json:"case-investigation:focus,omitempty"`
	Authorization []ref    `json:"case-investigation:relevantAuthorization,omitempty"`
	Objects       []ref    `json:"uco-core:object,omitempty"`
}

type action struct {
	object
	Start       *literal `json:"uco-action:startTime,omitempty"`
	End         *literal `json:"uco-action:endTime,omitempty"`
	Performer   *ref     `json:"uco-action:performer,omitempty"`
	Instrument  []ref    `json:"uco-action:instrument,omitempty"`
	Environment *ref     `json:"uco-action:environment,omitempty"`
	Inputs      []ref    `json:"uco-action:object,omitempty"`
	Results     []ref    `json:"uco-action:result,omitempty"`
	After       []ref    `json:"case-investigation:wasInformedBy,omitempty"`
}

type provenance struct {
	object
	Exhibit string `json:"case-investigation:exhibitNumber"`
	Objects []ref  `json:"uco-core:object"`
}

type tool struct {
	object
	Version string `json:"uco-tool:version,omitempty"`
}

type annotation struct {
	object
	Statement []string `json:"uco-core:statement"`
	Of        []ref    `json:"uco-core:object"`
}

type file struct {
	object
	Facets []any `json:"uco-core:hasFacet"`
}

type fileFacet struct {
	ref
	Type string `json:"@type"`
	Name string `json:"uco-observable:fileName"`
	Path string `json:"uco-observable:filePath"`
	Size int64  `json:"uco-observable:sizeInBytes"`
}

type contentFacet struct {
	ref
	Type      string `json:"@type"`
	Encrypted bool   `json:"uco-observable:isEncrypted"`
	Hash      []hash `json:"uco-observable:hash"`
}

type hash struct {
	ref
	Type   string  `json:"@type"`
	Method string  `json:"uco-types:hashMethod"`
	Value  literal `json:"uco-types:hashValue"`
}

// fileOf is a file of the case: of a sealed artefact the ciphertext, for nothing of a
// secret's own bytes is ever told.
func fileOf(caseID, path, sha256 string, size int64, encrypted bool, said ...string) file {
	f := file{object: object{ref: name(caseID, "file", path), Type: "uco-observable:ObservableObject", Name: path, Description: said}}
	last := path
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			last = path[i+1:]
			break
		}
	}
	if size >= 0 {
		f.Facets = append(f.Facets, fileFacet{name(caseID, "file-facet", path), "uco-observable:FileFacet", last, path, size})
	}
	f.Facets = append(f.Facets, contentFacet{name(caseID, "content-facet", path), "uco-observable:ContentDataFacet", encrypted, []hash{{
		name(caseID, "hash", path), "uco-types:Hash", "SHA256", literal{"xsd:hexBinary", sha256},
	}}})
	return f
}

// sourceText says where an artefact came from.
func sourceText(it evidence.Item) []string {
	s := it.Source
	said := []string{"artefact " + it.Artefact}
	for _, p := range [][2]string{{"source ", s.ARN}, {"qualifier ", s.Qualifier}, {"region ", s.Region}, {"account ", s.Account}, {"call ", it.Call}, {"request id ", it.RequestID}, {"original name ", it.Name}, {"note ", it.Note}} {
		if p[1] != "" {
			said = append(said, p[0]+p[1])
		}
	}
	if d := it.Declared; d != nil {
		b, err := json.Marshal(d)
		if err == nil {
			said = append(said, "declared by AWS "+string(b))
		}
	}
	return said
}
