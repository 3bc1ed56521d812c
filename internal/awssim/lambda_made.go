package awssim

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// madePackage is a deployment package of which only the seed is kept: a zip with one stored
// file that does not compress. Its bytes are made each time they are asked for, so that an
// account can have more code than there is memory.
type madePackage struct {
	before, after []byte // the archive around the file's bytes
	key           [aes.BlockSize]byte
	size          int // of the file
	hash          string
}

// made works out a package: the archive's frame and hash, in one pass over the bytes.
func made(seed string, size int) (*madePackage, error) {
	p := &madePackage{size: size}
	sum := sha256.Sum256([]byte(seed))
	copy(p.key[:], sum[:])
	at := &around{h: sha256.New()}
	z := zip.NewWriter(at)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "index.py", Method: zip.Store, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		err = z.Flush()
	}
	if err != nil {
		return nil, err
	}
	p.before, at.frame = at.frame, nil
	at.skip = size
	if err := p.body(f); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	p.after, p.hash = at.frame, base64.StdEncoding.EncodeToString(at.h.Sum(nil))
	return p, nil
}

// around hashes all that is written and keeps what is not to be skipped.
type around struct {
	h     hash.Hash
	frame []byte
	skip  int
}

func (a *around) Write(b []byte) (int, error) {
	a.h.Write(b) // never fails
	n := min(len(b), a.skip)
	a.skip -= n
	a.frame = append(a.frame, b[n:]...)
	return len(b), nil
}

// body writes the file's bytes: AES in counter mode, quicker than anything that reads them.
func (p *madePackage) body(w io.Writer) error {
	block, err := aes.NewCipher(p.key[:])
	if err != nil {
		return err
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	zero, buf := make([]byte, 128<<10), make([]byte, 128<<10)
	for left := p.size; left > 0; {
		n := min(left, len(buf))
		stream.XORKeyStream(buf[:n], zero[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (p *madePackage) length() int64 { return int64(len(p.before) + p.size + len(p.after)) }

// writeTo writes the archive.
func (p *madePackage) writeTo(w io.Writer) error {
	if _, err := w.Write(p.before); err != nil {
		return err
	}
	if err := p.body(w); err != nil {
		return err
	}
	_, err := w.Write(p.after)
	return err
}

// codeBytes is what a code or layer URL gives: bytes that are held, or made.
type codeBytes struct {
	held []byte
	made *madePackage
}

func (b codeBytes) length() int64 {
	if b.made != nil {
		return b.made.length()
	}
	return int64(len(b.held))
}

func (b codeBytes) writeTo(w io.Writer) error {
	if b.made != nil {
		return b.made.writeTo(w)
	}
	_, err := io.Copy(w, bytes.NewReader(b.held))
	return err
}

// StageVersion publishes a further version of a function, whose package is an archive of one
// file of that size, incompressible, made from the seed whenever it is downloaded.
func (c *Cloud) StageVersion(functionARN, seed string, size int) error {
	p, err := made(seed, size)
	if err != nil {
		return err
	}
	if p.length() > maxUnpacked {
		return fmt.Errorf("%d bytes are more than a function may have", p.length())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _ := parseARN(functionARN)
	k := &call{Cloud: c, accountID: a.account, region: a.region, now: c.cfg.Clock.Now().UTC(), requestID: c.idFrom("uuid", "staged version", functionARN, seed)}
	t := k.target(&functionARN, nil)
	if t.fn == nil {
		return notFound(functionARN)
	}
	t.state.made[p.hash] = p
	v := t.fn.latest
	v.code = lt.FunctionCodeLocation{}
	v.config.CodeSha256, v.config.CodeSize, v.config.PackageType = aws.String(p.hash), p.length(), lt.PackageTypeZip
	v.config.ConfigSha256 = aws.String(configHash(&v.config))
	k.touch(t.fn)
	k.publish(t.fn, nil)
	return nil
}
