package hostile

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
)

// entry is one entry of an archive in which everything can be wrong.
type entry struct {
	name    string
	local   string // the name in the local header, where it is to be another
	data    []byte
	method  uint16 // 0 stored, 8 deflated, others only claimed
	flags   uint16
	crc     *uint32
	size    *uint32 // claimed uncompressed size
	mode    fs.FileMode
	extra   []byte
	comment string
	share   bool // has no bytes of its own: the directory points at the entry before
	bare    bool // has no local header
}

// archive is a zip of which every record can be chosen.
type archive struct {
	prefix, between, tail []byte
	shifted               bool // the offsets do not count the prefix: it was put in front later
	entries               []entry
	comment               string
	count                 *uint16 // claimed in the end record
}

func u16(b *bytes.Buffer, v ...uint16) {
	for _, x := range v {
		b.Write(binary.LittleEndian.AppendUint16(nil, x))
	}
}

func u32(b *bytes.Buffer, v ...uint32) {
	for _, x := range v {
		b.Write(binary.LittleEndian.AppendUint32(nil, x))
	}
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(data) // into memory
	_ = w.Close()
	return b.Bytes()
}

// bytes lays the archive out as APPNOTE.TXT says, with what is wrong in it.
func (a archive) bytes() []byte {
	var out, dir bytes.Buffer
	out.Write(a.prefix)
	offset, shift := 0, 0
	if a.shifted {
		shift = len(a.prefix)
	}
	for _, e := range a.entries {
		packed := e.data
		if e.method == 8 {
			packed = deflated(e.data)
		}
		crc, size := crc32.ChecksumIEEE(e.data), uint32(len(e.data))
		if e.crc != nil {
			crc = *e.crc
		}
		if e.size != nil {
			size = *e.size
		}
		if !e.share {
			offset = out.Len() - shift
			local := e.name
			if e.local != "" {
				local = e.local
			}
			if !e.bare {
				u32(&out, 0x04034b50)
				u16(&out, 20, e.flags, e.method, 0, 0x5821)
				u32(&out, crc, uint32(len(packed)), size)
				u16(&out, uint16(len(local)), uint16(len(e.extra)))
				out.WriteString(local)
				out.Write(e.extra)
			}
			out.Write(packed)
			out.Write(a.between)
		}
		u32(&dir, 0x02014b50)
		u16(&dir, 3<<8|20, 20, e.flags, e.method, 0, 0x5821)
		u32(&dir, crc, uint32(len(packed)), size)
		u16(&dir, uint16(len(e.name)), uint16(len(e.extra)), uint16(len(e.comment)), 0, 0)
		u32(&dir, unixMode(e.mode)<<16, uint32(offset))
		dir.WriteString(e.name)
		dir.Write(e.extra)
		dir.WriteString(e.comment)
	}
	count := uint16(len(a.entries))
	if a.count != nil {
		count = *a.count
	}
	at := out.Len() - shift
	out.Write(dir.Bytes())
	u32(&out, 0x06054b50)
	u16(&out, 0, 0, count, count)
	u32(&out, uint32(dir.Len()), uint32(at))
	u16(&out, uint16(len(a.comment)))
	out.WriteString(a.comment)
	out.Write(a.tail)
	return out.Bytes()
}

func unixMode(m fs.FileMode) uint32 {
	const file, link, device, pipe, socket = 0x8000, 0xa000, 0x6000, 0x1000, 0xc000
	kind := uint32(file)
	switch {
	case m&fs.ModeSymlink != 0:
		kind = link
	case m&fs.ModeDevice != 0:
		kind = device
	case m&fs.ModeNamedPipe != 0:
		kind = pipe
	case m&fs.ModeSocket != 0:
		kind = socket
	}
	perm := uint32(m.Perm())
	if perm == 0 {
		perm = 0o644
	}
	return kind | perm
}
