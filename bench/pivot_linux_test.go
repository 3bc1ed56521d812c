package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

const corpusNeedle = "payments-api"

// BenchmarkPivot looks for one function in a trail bucket. of_gunzip is its speed as a share of
// that of inflating the files with the same library, a reader a processor, in the same run
// (limit: 0.8 where few files name it, 0.6 where all do). What it finds is compared with a plain
// reading by encoding/json.
func BenchmarkPivot(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape corpus
		limit float64
	}{
		{"Rare", corpus{hits: 0.0001, hitFiles: 0.005}, 0.8},
		{"Percent", corpus{hits: 0.01, hitFiles: 0.15}, 0.8},
		{"Everywhere", corpus{hits: 0.4, hitFiles: 1}, 0.6},
		{"Escaped", corpus{hits: 0.01, hitFiles: 0.15, escaped: true}, 0.8},
		{"Shuffled", corpus{hits: 0.01, hitFiles: 0.15, shuffled: true}, 0.8},
	} {
		b.Run(c.name, func(b *testing.B) {
			shape, dir := bucketCorpus(), b.TempDir()
			shape.needle, shape.hits, shape.hitFiles, shape.escaped, shape.shuffled = corpusNeedle, c.shape.hits, c.shape.hitFiles, c.shape.escaped, c.shape.shuffled
			_, inflated := shape.write(b, dir)
			b.SetBytes(inflated)
			want, records := plainPivot(b, dir, corpusNeedle)
			var limit, took cost
			for b.Loop() {
				l := measure(b, func() { parallelGunzip(b, dir) })
				h := sha256.New()
				var sum timeline.Pivoted
				p := measure(b, func() {
					var err error
					if sum, err = timeline.Pivot(context.Background(), timeline.Options{}, timeline.Input{Paths: []string{dir}}, corpusNeedle, io.Discard); err != nil {
						b.Fatal(err)
					}
				})
				if _, err := timeline.Pivot(context.Background(), timeline.Options{}, timeline.Input{Paths: []string{dir}}, corpusNeedle, h); err != nil || !bytes.Equal(h.Sum(nil), want) || sum.Records != records || !sum.Complete() {
					b.Fatalf("%v: %+v, want %d records", err, sum, records)
				}
				limit.wall, limit.cpu, took.wall, took.cpu = limit.wall+l.wall, limit.cpu+l.cpu, took.wall+p.wall, took.cpu+p.cpu
			}
			b.ReportMetric(limit.wall.Seconds()/took.wall.Seconds(), "of_gunzip")
			b.ReportMetric(limit.cpu.Seconds()/took.cpu.Seconds(), "of_gunzip_cpu")
			b.ReportMetric(c.limit, "limit")
			b.ReportMetric(float64(records), "records")
		})
	}
}

// plainPivot is the reference: every record decoded by encoding/json, every string looked at.
func plainPivot(tb testing.TB, dir, value string) (hash []byte, records int64) {
	tb.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		var file struct{ Records []json.RawMessage }
		if err := json.NewDecoder(z).Decode(&file); err != nil {
			return err
		}
		for _, r := range file.Records {
			var v any
			if err := json.Unmarshal(r, &v); err != nil {
				return err
			}
			if holds(v, value) {
				records++
				h.Write(append(r, '\n'))
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h.Sum(nil), records
}

// holds: the corpus has no word that merely begins or ends like the value.
func holds(v any, value string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, value)
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return holds(x, value) })
	case map[string]any:
		for _, x := range v {
			if holds(x, value) {
				return true
			}
		}
	}
	return false
}
