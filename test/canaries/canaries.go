// Package canaries writes a case in which every text that AWS may answer is an attacker's: an
// account that has everything is collected; each answer then comes again with a canary in every
// text; and every operation that collectors call answers once more as AWS's own shapes say it
// may at most, with a canary in every text. No two canaries are the same, so that a report can
// be held to showing each of them, as text.
package canaries

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Canary is one text, and where it was put.
type Canary struct {
	N        int    `json:"n"`
	Artefact string `json:"artefact"`
	Of       string `json:"of"`     // "answer" of the simulated account, or the operation whose shape it is of
	Member   string `json:"member"` // without the numbers of list items
	Key      bool   `json:"key,omitempty"`
}

// Text is markup that would run, and a token that no other canary has.
func Text(n int) string { return fmt.Sprintf(`<img src=x onerror=alert(%06d)>`, n) + Token(n) }

// Token is what the text is looked for by.
func Token(n int) string { return fmt.Sprintf("canary%06d", n) }

// maxRecords are those that come again of one page of looked-up events.
const maxRecords = 12

// Made is what Write made.
type Made struct {
	Case     *evidence.Case `json:"-"`
	Canaries []Canary       `json:"canaries"`
	Ops      int            `json:"operations"` // whose shapes were filled
	Answers  int            `json:"answers"`    // of the account, that came again
	Sealed   int            `json:"sealed"`     // texts that the collector sealed: no canary is there
}

// Write makes the case in dir, with its keys in home; models is the folder of AWS's API models.
func Write(ctx context.Context, dir, home, models string) (*Made, error) {
	v, err := vault.NewFolder(dir)
	if err != nil {
		return nil, err
	}
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "canaries", Authority: "test", Operator: "test", Home: home})
	if err != nil {
		return nil, err
	}
	account, err := bench.NewAccount(ctx, awssim.Config{}, 2, 8<<10)
	if err != nil {
		return nil, fmt.Errorf("making the account: %w", err)
	}
	s, err := awsapi.Connect(ctx, awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: account.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(account.Keys.AccessKeyID, account.Keys.SecretAccessKey, "")})
	if err != nil {
		return nil, err
	}
	var targets []collect.Target
	for _, f := range bench.Functions() {
		t, err := collect.ParseTarget(bench.AccountID, bench.Region, f)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	b, _, err := collect.Into(ctx, s, c, evidence.Header{Operator: "test"}, targets, collect.Options{Unpaced: true, TrailBuckets: []string{collect.AutoTrailBucket}})
	if err != nil {
		return nil, fmt.Errorf("collecting: %w", err)
	}
	m := &Made{Case: c}
	if err := m.again(ctx, b); err != nil {
		return nil, fmt.Errorf("answers with canaries: %w", err)
	}
	return m, m.shapes(ctx, b.Header(), models)
}

func (m *Made) bag(ctx context.Context, h evidence.Header, fill func(w *evidence.Writer) error) error {
	w, err := m.Case.Begin(ctx, evidence.Header{Kind: evidence.KindCollection, Targets: h.Targets, Operator: h.Operator, Principal: h.Principal, Account: h.Account, Params: h.Params})
	if err != nil {
		return err
	}
	if err := fill(w); err != nil {
		return err
	}
	_, err = w.Seal(ctx, evidence.StatusComplete)
	return err
}

// again puts each JSON answer of a bag into a new one, with a canary for every text.
func (m *Made) again(ctx context.Context, b *evidence.Bag) error {
	return m.bag(ctx, b.Header(), func(w *evidence.Writer) error {
		for it, err := range b.Items(ctx) {
			if err != nil {
				return err
			}
			if it.Sensitive || it.Artefact == "lambda.code" {
				continue
			}
			data, err := read(ctx, b, it)
			if err != nil {
				return err
			}
			doc, ok := m.hostile(data, it.Artefact)
			if !ok {
				continue
			}
			m.Answers++
			meta := it.Meta
			if _, err := w.Put(ctx, meta, func(out io.Writer) error { _, err := out.Write(doc); return err }); err != nil {
				return err
			}
		}
		return nil
	})
}

func read(ctx context.Context, b *evidence.Bag, it evidence.Item) ([]byte, error) {
	r, err := b.Open(ctx, it)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

// hostile is a document, a line of JSON or several, with a canary for every text. False: it is none.
func (m *Made) hostile(data []byte, artefact string) ([]byte, bool) {
	var out bytes.Buffer
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return out.Bytes(), out.Len() > 0
		} else if err != nil {
			return nil, false
		}
		doc, object := v.(map[string]any)
		if !object {
			return nil, false
		}
		if events, _ := doc["Events"].([]any); len(events) > maxRecords {
			doc["Events"] = events[:maxRecords] // of the records some will do: they are alike
		}
		out.Write(encoded(m.replaced(v, artefact, "")))
	}
}

func (m *Made) replaced(v any, artefact, at string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sorted(v) {
			v[k] = m.replaced(v[k], artefact, strings.TrimPrefix(at+"."+k, "."))
		}
	case []any:
		for i := range v {
			v[i] = m.replaced(v[i], artefact, at+"[]")
		}
	case string:
		return m.text(v, artefact, at)
	}
	return v
}

// text is what stands for a text: a time stays one, what is sealed stays sealed, and a document
// in a text stays one, so that its reader is met too.
func (m *Made) text(s, artefact, at string) any {
	if _, err := time.Parse(time.RFC3339, s); err == nil {
		return s
	}
	if strings.HasPrefix(s, "[sealed:") {
		m.Sealed++
		return s
	}
	var inner map[string]any
	if strings.HasPrefix(s, "{") && json.Unmarshal([]byte(s), &inner) == nil {
		return string(bytes.TrimSpace(encoded(m.replaced(inner, artefact, at))))
	}
	return m.put(artefact, "answer", at, false)
}

func (m *Made) put(artefact, of, at string, key bool) string {
	n := len(m.Canaries) + 1
	m.Canaries = append(m.Canaries, Canary{n, artefact, of, at, key})
	return Text(n)
}

func encoded(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // of what was decoded
	}
	return b.Bytes()
}

func sorted(m map[string]any) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// Models is the folder of API models below that of what is shared.
func Models(shared string) string { return filepath.Join(shared, "data", "aws-models") }
