package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// keptAsServed says which of the values that were put stand in the case, character for
// character, however deep in documents within documents. An environment's are sealed.
func (h *hostileAccount) keptAsServed(caseDir string) {
	h.t.Helper()
	all := map[string]bool{}
	files := map[string]int{}
	err := filepath.WalkDir(filepath.Join(caseDir, "collections"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Equal(data, h.file) {
			files["trail file"]++
		}
		if d.Name() == "coverage.json" {
			return namesIn(data, all)
		}
		if strings.HasSuffix(path, ".zst") {
			z, err := zstd.NewReader(bytes.NewReader(data))
			if err != nil {
				return err
			}
			defer z.Close()
			if data, err = io.ReadAll(z); err != nil {
				return err
			}
		}
		if ext := filepath.Ext(path); ext == ".json" || ext == ".zst" || ext == ".ndjson" {
			stringsIn(data, all, 3)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	var whole strings.Builder
	for s := range all {
		whole.WriteString(s)
		whole.WriteByte('\n')
	}
	text := whole.String()
	for place, values := range h.held {
		if place == "environment value" {
			for _, v := range values {
				if strings.Contains(text, v) {
					h.t.Errorf("a value of the environment is in clear")
				}
			}
			continue
		}
		for _, v := range values {
			if !all[v] && !strings.Contains(text, v) {
				h.t.Errorf("%s is not in the case as it was put: %.300q", place, v)
			}
		}
	}
	if files["trail file"] == 0 {
		h.t.Error("the attacker's trail file is not in the case, byte for byte")
	}
}

// namesIn are the names of artefacts, as the coverage has them.
func namesIn(data []byte, into map[string]bool) error {
	var c struct{ Entries []evidence.Entry }
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	for _, e := range c.Entries {
		into[e.Source.ARN], into[e.Source.Qualifier] = true, true
		if e.Item != nil {
			into[e.Item.Name] = true
		}
	}
	return nil
}

// stringsIn are the keys and values of documents, and of documents in values.
func stringsIn(data []byte, into map[string]bool, depth int) {
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.Token()
		if err != nil {
			return
		}
		s, ok := token.(string)
		if !ok {
			continue
		}
		into[s] = true
		if depth > 0 && strings.HasPrefix(s, "{") {
			stringsIn([]byte(s), into, depth-1)
		}
	}
}
