package timeline

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type packedFile struct{ name, body string }

func zipped(t testing.TB, files ...packedFile) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: []uint16{zip.Deflate, zip.Store}[i%2]}
		if strings.HasSuffix(f.name, " link") {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		m, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarred(t testing.TB, files ...packedFile) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.body)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, " link") {
			h.Typeflag, h.Linkname, h.Size, f.body = tar.TypeSymlink, "/etc/passwd", 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// attackFiles are the files of testdata/attack, as a trail delivers them.
func attackFiles(t testing.TB) []packedFile {
	t.Helper()
	all, err := filepath.Glob("testdata/attack/*")
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	var files []packedFile
	for i, name := range all {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		x := packedFile{"AWSLogs/1/CloudTrail/eu-west-1/" + filepath.Base(name), string(body)}
		if i%2 == 0 {
			x = packedFile{x.name + ".gz", gz(x.body)}
		}
		files = append(files, x)
	}
	return files
}

// TestArchives: an archive gives what the folder of its files gives, whatever its form and the
// number of readers; each event says in which member it stands, and a pivot finds it there.
func TestArchives(t *testing.T) {
	files := attackFiles(t)
	folder, _ := eventsOf(t, Options{}, Input{Paths: []string{"testdata/attack"}})
	half := [][]packedFile{files[:2], files[2:]}
	cells := 0
	for name, x := range map[string][]packedFile{
		"a.zip": {{"a.zip", zipped(t, files...)}}, "a.tar": {{"a.tar", tarred(t, files...)}}, "a.tar.gz": {{"a.tar.gz", gz(tarred(t, files...))}}, "a.tar.zst": {{"a.tar.zst", zst(t, tarred(t, files...), 1<<20)}},
		"zip in zip":        {{"a", zipped(t, packedFile{"x/inner.zip", zipped(t, files...)})}},
		"tar.gz in zip":     {{"a", zipped(t, packedFile{"inner.tgz", gz(tarred(t, half[0]...))}, half[1][0], half[1][1])}},
		"zip in tar.gz":     {{"a", gz(tarred(t, half[0][0], packedFile{"inner.zip", zipped(t, half[1]...)}, half[0][1]))}},
		"two archives":      {{"1.zip", zipped(t, half[0]...)}, {"2.tar", tarred(t, half[1]...)}},
		"beside a file":     {{"1.zip", zipped(t, files[0], files[1], files[2])}, {"3.json", files[3].body}},
		"zip behind gzip":   {{"a.zip.gz", gz(zipped(t, files...))}},
		"with other things": {{"a.zip", zipped(t, append([]packedFile{{"folder/", ""}, {"empty.json", ""}}, files...)...)}},
	} {
		dir := t.TempDir()
		for _, f := range x {
			if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var first []byte
		for _, o := range []Options{{Workers: 1}, {Workers: 3}, {Workers: 3, RunEvents: 1}} {
			cells++
			o.TempDir = t.TempDir()
			events, sum := eventsOf(t, o, Input{Paths: []string{dir}})
			if sum.Skips != 0 || sum.Digests != 1 || sum.Duplicates != 4 || len(events) != len(folder) {
				t.Fatalf("%s: %d events of %d, %+v", name, len(events), len(folder), sum)
			}
			for i, e := range events {
				if e.ID != folder[i].ID || e.Message != folder[i].Message || e.Raw.Line < 1 {
					t.Errorf("%s: %s, want %s", name, e.Message, folder[i].Message)
				}
				if !strings.Contains(e.Raw.Path, "!/AWSLogs/1/CloudTrail/eu-west-1/") && e.Raw.Path != "3.json" || strings.TrimSuffix(filepath.Base(e.Raw.Path), ".gz") != folder[i].Raw.Path && e.AlsoSeen == 0 && e.Raw.Path != "3.json" || e.Raw.Path != "3.json" && e.Raw.Offset != folder[i].Raw.Offset && e.AlsoSeen == 0 {
					t.Errorf("%s: it stands at %s, %d; in the folder %s, %d", name, e.Raw.Path, e.Raw.Offset, folder[i].Raw.Path, folder[i].Raw.Offset)
				}
			}
			var out bytes.Buffer
			o.Format = "jsonl"
			if _, err := Build(t.Context(), o, Input{Paths: []string{dir}}, &out); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = out.Bytes()
			} else if !bytes.Equal(first, out.Bytes()) {
				t.Errorf("%s: the timeline depends on the number of readers", name)
			}
			if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
				t.Errorf("%s: left behind: %v", name, left)
			}
			if got, want := pivoted(t, o, dir), pivoted(t, o, "testdata/attack"); got != want {
				t.Errorf("%s: a pivot finds\n%s\nin the folder\n%s", name, got, want)
			}
		}
	}
	t.Logf("%d cells: forms by readers; 0 skipped", cells)
}

// pivoted are the records that name mallory, sorted: archives may have another order.
func pivoted(t *testing.T, o Options, path string) string {
	t.Helper()
	var out bytes.Buffer
	sum, err := Pivot(t.Context(), o, Input{Paths: []string{path}}, "mallory", &out)
	if err != nil || sum.Skips != 0 || sum.Records == 0 {
		t.Fatal(sum, err)
	}
	lines := strings.Split(out.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestHostileArchives: what cannot be read of an archive is named, and the rest goes on. Nothing
// is written outside of the private folder, whatever members are called.
func TestHostileArchives(t *testing.T) {
	a, b := packedFile{"a.json", record("a")}, packedFile{"b.json", record("b")}
	whole := zipped(t, a, b)
	locked := []byte(whole)
	locked[bytes.Index(locked, []byte("PK\x01\x02"))+8] |= 1 // the first file's flags in the directory
	damaged := []byte(zipped(t, b, a))                       // the second is stored
	damaged[bytes.LastIndex(damaged, []byte("ListBuckets"))] = 'X'
	deep := zipped(t, packedFile{"1.zip", zipped(t, packedFile{"2.zip", zipped(t, b)})}, a)
	long := strings.Replace(record("n"), `"eventID"`, fmt.Sprintf(`"x":"%x","eventID"`, noise(1, 4096)), 1)
	cutTar := gz(tarred(t, a, packedFile{"long", long}, b))
	for name, x := range map[string]struct {
		body, want string
		skips      []string // path and reason
	}{
		"cut zip":           {whole[:len(whole)-30], "", []string{"x directory cannot be read"}},
		"cut tar":           {tarred(t, a, b)[:1600], "a", []string{"x!/b.json cannot be read to its end", "x cannot be read further"}},
		"cut between":       {tarred(t, a, b)[:1024], "a", []string{"x the archive has no end"}},
		"cut tar.gz":        {cutTar[:len(cutTar)-3000], "a", []string{"x!/long cannot be read to its end", "x the archive cannot be read further"}},
		"behind the gzip":   {gz(tarred(t, a)) + "rubbish", "a", []string{"x cannot be read to its end"}},
		"encrypted":         {string(locked), "b", []string{"x!/a.json it is encrypted"}},
		"wrong checksum":    {string(damaged), "ab", []string{"x!/a.json checksum"}},
		"links in tar":      {tarred(t, packedFile{"a link", ""}, b), "b", []string{"x!/a link links are not followed"}},
		"links in zip":      {zipped(t, packedFile{"a link", "/etc/passwd"}, b), "b", []string{"x!/a link links are not followed"}},
		"hidden":            {zipped(t, packedFile{"__MACOSX/._a.json", "x"}, b), "b", []string{"x!/__MACOSX/._a.json a hidden file"}},
		"escaping names":    {zipped(t, packedFile{"../../../tmp/freezeframe-was-here", record("a")}, packedFile{"/etc/\x1b[31m\u202e\n", record("b")}, packedFile{"..\\..\\c", record("c")}), "abc", nil},
		"same name twice":   {tarred(t, packedFile{"n", record("a")}, packedFile{"n", record("b")}), "ab", nil},
		"long name":         {tarred(t, packedFile{strings.Repeat("x/", 3000) + "end", record("a")}, packedFile{strings.Repeat("y", 3000), record("b")}), "ab", nil},
		"three deep":        {deep, "a", []string{"x!/1.zip!/2.zip an archive in an archive in an archive"}},
		"rubbish inside":    {zipped(t, packedFile{"r", "\x00\x01\x02"}, b), "b", []string{"x!/r nothing readable follows"}},
		"broken gz inside":  {tarred(t, packedFile{"a.gz", gz(record("a"))[:40]}, b), "b", []string{"x!/a.gz"}},
		"not quite a tar":   {strings.Replace(tarred(t, a), "ustar", "ustax", 1), "", []string{"x nothing readable follows"}},
		"empty zip":         {zipped(t), "", nil},
		"finding in zip":    {zipped(t, packedFile{"f.json", guardDutyFinding("f1")}, b), "bff", nil},
		"directory's count": {whole[:len(whole)-14] + "\xff\xff" + whole[len(whole)-12:], "", nil},
	} {
		dir := t.TempDir()
		path, temp := filepath.Join(dir, "x"), filepath.Join(dir, "temp")
		if err := os.WriteFile(path, []byte(x.body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(temp, 0o700); err != nil {
			t.Fatal(err)
		}
		events, sum := eventsOf(t, Options{TempDir: temp}, Input{Paths: []string{path}})
		got := ""
		for _, e := range events {
			got += strings.TrimPrefix(e.ID, "guardduty|arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/")[:1]
		}
		if name == "directory's count" { // readers differ over it: all or nothing, and said
			if len(events) == 0 && sum.Skips == 0 {
				t.Errorf("%s: nothing is read, and nothing said", name)
			}
			continue
		}
		if got != x.want || int(sum.Skips) != len(x.skips) || sum.Complete() != (len(x.skips) == 0) {
			t.Errorf("%s: events %q, want %q; skips %+v", name, got, x.want, sum.Skipped)
			continue
		}
		said := fmt.Sprint(sum.Skipped)
		for _, want := range x.skips {
			at, why, _ := strings.Cut(want, " ")
			if strings.HasPrefix(want, "x!/a link") {
				at, why = "x!/a link", "links are not followed"
			}
			if !strings.Contains(said, path+strings.TrimPrefix(at, "x")) || !strings.Contains(said, why) {
				t.Errorf("%s: %q is not in %s", name, want, said)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) != 2 {
			t.Errorf("%s: written: %v", name, left)
		}
		if left, _ := os.ReadDir(temp); len(left) != 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
	if _, err := os.Lstat("/tmp/freezeframe-was-here"); err == nil {
		t.Error("a member was extracted")
	}
}

// TestArchiveBombs: neither a member that inflates to very much nor very many members of one
// stretch of bytes keep the reader for long.
func TestArchiveBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader of much text; run without -short")
	}
	spaces := strings.Repeat(" ", alwaysRead/2)
	many := []packedFile{{"1", spaces}, {"x", "1"}, {"2", spaces}, {"x", "1"}, {"3", spaces}, {"x", "1"}, {"last", record("a")}}
	for name, body := range map[string]string{"zip": zipped(t, many...), "tar.gz": gz(tarred(t, many...)), "zip in tar": tarred(t, packedFile{"z.zip", zipped(t, many...)})} {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		events, sum := eventsOf(t, Options{TempDir: t.TempDir()}, Input{Paths: []string{path}})
		if len(events) != 0 || !strings.Contains(fmt.Sprint(sum.Skipped), "a bomb") || sum.Bytes > alwaysRead+8<<20 {
			t.Errorf("%s of %d bytes: %d events, %d bytes read, %+v", name, len(body), len(events), sum.Bytes, sum.Skipped)
		}
	}
	// A directory that would not fit into memory.
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 700 {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d%s", i, strings.Repeat("n", 60_000))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, sum := eventsOf(t, Options{}, Input{Paths: []string{path}}); sum.Skips != 1 || !strings.Contains(sum.Skipped[0].Reason, "unpack the archive") {
		t.Errorf("%+v", sum.Skipped)
	}
}
