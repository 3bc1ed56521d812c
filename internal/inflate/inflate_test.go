package inflate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"

	fast "github.com/klauspost/compress/gzip"
)

// byLibrary inflates one member, behind which there is nothing.
func byLibrary(file []byte) ([]byte, bool) {
	r := bytes.NewReader(file)
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, false
	}
	z.Multistream(false)
	b, err := io.ReadAll(io.LimitReader(z, 1<<22))
	return b, err == nil && r.Len() == 0
}

func packed(tb testing.TB, text []byte, level int, name string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		tb.Fatal(err)
	}
	z.Name = name
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// text is random text, of few words or of many, with runs in it.
func text(r *rand.Rand) []byte {
	var b bytes.Buffer
	letters := 1 + r.IntN(256)
	for n := r.IntN(200_000); b.Len() < n; {
		switch r.IntN(4) {
		case 0:
			b.Write(bytes.Repeat([]byte{byte(r.IntN(letters))}, r.IntN(600)))
		case 1:
			if b.Len() > 0 {
				from := r.IntN(b.Len())
				b.Write(bytes.Clone(b.Bytes()[from:min(b.Len(), from+r.IntN(400))]))
			}
		case 2:
			fmt.Fprintf(&b, `{"eventName":"x%d","id":"%x"},`, r.IntN(20), r.Uint64())
		default:
			for range r.IntN(300) {
				b.WriteByte(byte(r.IntN(letters) * r.IntN(letters) / letters))
			}
		}
	}
	return b.Bytes()
}

// TestGzip: what libraries pack comes out, at all levels and from two of them.
func TestGzip(t *testing.T) {
	var d Decoder
	var out []byte
	r := rand.New(rand.NewPCG(3, 4))
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		want := text(r)
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			var other bytes.Buffer
			z, err := fast.NewWriterLevel(&other, level)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = z.Write(want)
			_ = z.Close()
			for _, file := range [][]byte{packed(t, want, level, ""), packed(t, want, level, "name"), other.Bytes()} {
				var ok bool
				if out, ok = d.Gzip(out, file, 1<<20); !ok || !bytes.Equal(out, want) {
					t.Fatalf("level %d: %d bytes: %v", level, len(want), ok)
				}
				if _, ok := d.Gzip(nil, file, len(want)-1); ok {
					t.Fatal("more than the limit")
				}
			}
		}
	}
}

// TestNotGzip: what is cut, damaged, longer, or several members is for the library.
func TestNotGzip(t *testing.T) {
	var d Decoder
	r := rand.New(rand.NewPCG(5, 6))
	want := text(r)[:4000]
	file := packed(t, want, 6, "")
	for n := range file {
		if _, ok := d.Gzip(nil, file[:n], 1<<20); ok {
			t.Fatalf("cut at %d", n)
		}
	}
	for _, more := range [][]byte{{0}, file, []byte("rubbish")} {
		if _, ok := d.Gzip(nil, append(bytes.Clone(file), more...), 1<<20); ok {
			t.Fatalf("%d bytes more", len(more))
		}
	}
	for range 5_000 {
		other := bytes.Clone(file)
		other[10+r.IntN(len(file)-10)] ^= 1 << r.IntN(8)
		b, fine := byLibrary(other) // where the bit says nothing
		if out, ok := d.Gzip(nil, other, 1<<20); ok != fine || ok && !bytes.Equal(b, out) {
			t.Fatalf("a bit was turned: taken %v, by the library %v", ok, fine)
		}
	}
}

// FuzzGzip: what is given is what the library gives; the header, the checksum and the length are
// set right, so that blocks are judged and not those.
func FuzzGzip(f *testing.F) {
	for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
		file := packed(f, text(rand.New(rand.NewPCG(7, uint64(level+2)))), level, "")
		f.Add(file[10 : len(file)-8])
	}
	f.Add([]byte{3, 0})
	var d Decoder
	f.Fuzz(func(t *testing.T, blocks []byte) {
		head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
		// The library says how long it is and what its checksum, by failing at the end alone.
		var text bytes.Buffer
		z, err := gzip.NewReader(bytes.NewReader(append(append(bytes.Clone(head), blocks...), make([]byte, 8)...)))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(&text, io.LimitReader(z, 1<<20))
		file := binary.LittleEndian.AppendUint32(append(bytes.Clone(head), blocks...), crc32.ChecksumIEEE(text.Bytes()))
		file = binary.LittleEndian.AppendUint32(file, uint32(text.Len()))
		want, fine := byLibrary(file)
		got, ok := d.Gzip(nil, file, 1<<20)
		if ok && (!fine || !bytes.Equal(got, want)) {
			t.Fatalf("%d bytes are taken; by the library %v, %d bytes", len(got), fine, len(want))
		}
		if fine && !ok && len(want) <= 1<<20 {
			t.Fatalf("%d bytes are for the library that need not be", len(want))
		}
	})
}
