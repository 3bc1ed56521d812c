package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Whatever the bytes: ErrArchive, or a vault whose every object has a safe name, its own
// place and its listed size, and which Write can write again. With isTar the bytes are taken as a
// tar archive, so that the mutations reach behind the checksum of the frame.
func FuzzOpen(f *testing.F) {
	ours, _ := mustWrite(f, folder(f, map[string][]byte{
		"case.json": []byte("{}"), "ledger/00000000.json": []byte("{}"), "data/" + strings.Repeat("d", 100): noise(700),
	}))
	plain := plainTar(f, regular("a", 3), regular("b", 600))
	for _, seed := range [][]byte{
		ours, compress(f, plain), append([]byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0}, ours...), ours[:len(ours)/2],
	} {
		f.Add(false, seed)
	}
	f.Add(true, plain)
	f.Add(true, plainTar(f, regular("a", 3), &tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "a"}))
	f.Add(true, plainTar(f, regular(strings.Repeat("p/", 200)+"p", 3)))
	f.Add(true, plainTar(f, &tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat("g/", 200) + "g", Size: 3, Format: tar.FormatGNU}))
	f.Add(true, plainTar(f, &tar.Header{Typeflag: tar.TypeReg, Name: "pax", Size: 3, Format: tar.FormatPAX, PAXRecords: map[string]string{"comment": "c"}}))
	f.Fuzz(func(t *testing.T, isTar bool, data []byte) {
		if isTar {
			data = compress(t, data)
		}
		small := limits{members: 100, names: 10_000, size: 1 << 20}
		a, err := open(context.Background(), "fuzz", bytes.NewReader(data), int64(len(data)), small)
		if err != nil {
			if !errors.Is(err, ErrArchive) {
				t.Fatalf("not ErrArchive: %v", err)
			}
			return
		}
		names := list(t, a, "")
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Fatalf("names %q", names)
		}
		for e := range a.List(context.Background(), "") {
			if err := vault.CheckName(e.Name); err != nil {
				t.Fatal(err)
			}
			if got := len(get(t, a, e.Name)); int64(got) != e.Size {
				t.Fatalf("%s: %d bytes, listed with %d", e.Name, got, e.Size)
			}
		}
		if _, err := Write(context.Background(), a, io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
