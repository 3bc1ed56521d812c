package awssim

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// s3Sums is what is kept of an object's checksums: the one that was asked for,
// and our own SHA-256 of all of it.
type s3Sums struct {
	algorithm string // CRC32, CRC32C, CRC64NVME, SHA1, SHA256
	kind      string // FULL_OBJECT, COMPOSITE
	value     string // base64, of a composite with -PARTS after it
	whole     string // SHA-256 of the bytes, hex
}

// crc64NVME is the polynomial of NVM Express, reflected.
const crc64NVME = 0x9a6c9329ac4bc9b5

func s3Hash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC64NVME":
		return crc64.New(crc64.MakeTable(crc64NVME))
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}

func s3Sum(algorithm string, data []byte) string {
	h := s3Hash(algorithm)
	h.Write(data)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// s3Claims are the checksums that a request says its body has.
type s3Claims struct {
	md5       *string
	algorithm string // of x-amz-sdk-checksum-algorithm
	values    map[string]*string
}

func claims(md5 *string, algorithm string, crc32, crc32c, crc64, sha1, sha256 *string) s3Claims {
	return s3Claims{md5, algorithm, map[string]*string{"CRC32": crc32, "CRC32C": crc32c, "CRC64NVME": crc64, "SHA1": sha1, "SHA256": sha256}}
}

// given is the one algorithm that a value came for, "" if none.
func (k s3Claims) given() (string, error) {
	found := ""
	for _, name := range slices.Sorted(maps.Keys(k.values)) {
		if k.values[name] == nil {
			continue
		}
		if found != "" {
			return "", fail("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		found = name
	}
	return found, nil
}

// protects says that the request carries anything that its body is held against.
func (k s3Claims) protects() bool {
	name, err := k.given()
	return k.md5 != nil || name != "" || err != nil
}

// check holds data against the claims and gives the checksum to be stored: the
// claimed one, else the wanted algorithm, else CRC64NVME as S3 does by itself.
func (k s3Claims) check(data []byte, wanted string) (s3Sums, error) {
	sum := sha256.Sum256(data)
	out := s3Sums{kind: "FULL_OBJECT", whole: hex.EncodeToString(sum[:])}
	if err := checkMD5(k.md5, data); err != nil {
		return out, err
	}
	name, err := k.given()
	if err != nil {
		return out, err
	}
	if name == "" {
		if k.algorithm != "" {
			return out, fail("InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
		}
		if out.algorithm = wanted; wanted == "" {
			out.algorithm = "CRC64NVME"
		}
		out.value = s3Sum(out.algorithm, data)
		return out, nil
	}
	header := "x-amz-checksum-" + strings.ToLower(name)
	value := aws.ToString(k.values[name])
	if raw, err := base64.StdEncoding.DecodeString(value); err != nil || len(raw) != s3Hash(name).Size() {
		return out, fail("InvalidRequest", "Value for %s header is invalid.", header)
	}
	if out.algorithm, out.value = name, s3Sum(name, data); out.value != value {
		return out, &apiError{Code: "BadDigest", Status: 400, Message: "The " + name + " you specified did not match the calculated checksum."}
	}
	return out, nil
}

func checkMD5(claim *string, data []byte) error {
	if claim == nil {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(*claim)
	if err != nil || len(raw) != md5.Size {
		return &apiError{Code: "InvalidDigest", Status: 400, Message: "The Content-MD5 you specified was invalid."}
	}
	if sum := md5.Sum(data); string(raw) != string(sum[:]) {
		return &apiError{Code: "BadDigest", Status: 400, Message: "The Content-MD5 you specified did not match what we received."}
	}
	return nil
}

func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// compose is the checksum of checksums that a multipart upload gets.
func compose(algorithm string, parts []s3Part) string {
	h := s3Hash(algorithm)
	for _, p := range parts {
		raw, _ := base64.StdEncoding.DecodeString(p.sums.value) // made by s3Sum
		h.Write(raw)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))
}

// as gives the value if it is of that algorithm: how each member of an answer is filled.
func (s s3Sums) as(algorithm string) *string {
	if s.algorithm != algorithm || s.value == "" {
		return nil
	}
	return aws.String(s.value)
}
