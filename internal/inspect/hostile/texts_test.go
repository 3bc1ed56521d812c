package hostile

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCorpus prints which texts a place can hold; the same seed makes the same texts.
func TestCorpus(t *testing.T) {
	all := Corpus(1)
	names := map[string]bool{}
	for _, x := range all {
		if x.Name == "" || x.For == "" || x.Text == "" || names[x.Name] {
			t.Errorf("%+q: no name, no purpose, no text, or there twice", x)
		}
		names[x.Name] = true
	}
	if !slices.Equal(all, Corpus(1)) || slices.Equal(all, Corpus(2)) {
		t.Error("the seed does not decide")
	}
	nowhere := map[string]bool{}
	for name := range names {
		nowhere[name] = true
	}
	for _, p := range Places() {
		values, held := p.Packed(all)
		for _, x := range held {
			delete(nowhere, x.Name)
		}
		for _, v := range values {
			if !p.Takes(v) {
				t.Errorf("%s does not take its own value", p.Name)
			}
		}
		if len(held) == 0 {
			t.Errorf("%s holds nothing hostile: what for is it here?", p.Name)
		}
		t.Logf("%-30s %3d texts in %2d values", p.Name, len(held), len(values))
	}
	// These are for bytes that no API carries: names in archives, objects, streams of a user's own.
	for name := range nowhere {
		if x := all[slices.IndexFunc(all, func(x Text) bool { return x.Name == name })]; !strings.Contains(strings.ToValidUTF8(x.Text, "\ufffd"), "\ufffd") {
			t.Errorf("%s is text, and no place takes it", name)
		}
	}
	t.Logf("%d texts, %d places, %d for bytes alone; 0 skipped", len(all), len(Places()), len(nowhere))
	if len(all) < 60 {
		t.Error("the corpus has shrunk")
	}
}

// TestPlacesAreThoseOfAWS compares lengths and patterns with AWS's API models.
func TestPlacesAreThoseOfAWS(t *testing.T) {
	shared := os.Getenv("FREEZEFRAME_SHARED")
	if shared == "" {
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_SHARED names no folder with AWS's API models")
	}
	for _, p := range Places() {
		if p.Service == "" {
			continue
		}
		f, err := os.Open(filepath.Join(shared, "data", "aws-models", p.Service+".json.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		var model struct {
			Shapes map[string]struct {
				Type    string
				Max     float64
				Pattern string
			}
		}
		if err := json.NewDecoder(z).Decode(&model); err != nil {
			t.Fatal(err)
		}
		f.Close()
		s, ok := model.Shapes[p.Shape]
		if !ok || s.Type != "string" || s.Max != float64(p.Max) || s.Pattern != p.Pattern {
			t.Errorf("%s: AWS says %+v (there: %v) of %s, we say at most %d and %q", p.Name, s, ok, p.Shape, p.Max, p.Pattern)
		}
	}
}
