package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Stored is an object of a trail's bucket.
type Stored struct {
	Body []byte
	Meta map[string]string
}

// Objects are those of a trail's bucket, by key.
type Objects map[string]Stored

// Tampering is something that is done to a trail's files to hide what was done.
type Tampering struct {
	Name string
	Do   func(o Objects) error
}

// Tamperings are the kinds there are.
func Tamperings() []Tampering { return append(logTamperings(), digestTamperings()...) }

// logTamperings are done to log files.
func logTamperings() []Tampering {
	return []Tampering{
		{"record-altered", func(o Objects) error { return o.rewrite(o.log(), []byte(AccountID), []byte("999999999999")) }},
		{"record-removed", func(o Objects) error { return o.recompress(o.log(), dropRecord) }},
		{"log-removed", func(o Objects) error { delete(o, o.log()); return nil }},
		{"log-added", func(o Objects) error {
			key := o.log()
			o[key[:len(key)-len("0123456789abcdef.json.gz")]+"AddedByHand00000.json.gz"] = Stored{Body: pressed([]byte(`{"Records":[]}`))}
			return nil
		}},
		{"log-renamed", func(o Objects) error {
			key := o.log()
			o[key[:len(key)-len("0123456789abcdef.json.gz")]+"RenamedByHand000.json.gz"] = o[key]
			delete(o, key)
			return nil
		}},
		{"log-cut", func(o Objects) error { return o.edit(o.log(), func(b []byte) []byte { return b[:len(b)/2] }) }},
		{"log-trailer-cut", func(o Objects) error { return o.edit(o.log(), func(b []byte) []byte { return b[:len(b)-8] }) }},
		{"log-appended-bytes", func(o Objects) error {
			return o.edit(o.log(), func(b []byte) []byte { return append(b, "more"...) })
		}},
		{"log-appended-stream", func(o Objects) error {
			return o.edit(o.log(), func(b []byte) []byte { return append(b, pressed(nil)...) })
		}},
	}
}

// digestTamperings are done to digests.
func digestTamperings() []Tampering {
	return []Tampering{
		{"digest-removed", func(o Objects) error { delete(o, o.digest(3)); return nil }},
		{"digest-newest-removed", func(o Objects) error {
			for _, key := range []string{o.digest(0), o.digest(1), o.digest(2)} {
				delete(o, key)
			}
			return nil
		}},
		{"digest-altered", func(o Objects) error {
			return o.recompress(o.digest(3), func(b []byte) []byte {
				at := bytes.Index(b, []byte(`"hashValue":"`)) + len(`"hashValue":"`)
				b[at], b[at+1] = '0', '1'
				return b
			})
		}},
		{"digests-swapped", func(o Objects) error {
			a, b := o.digest(3), o.digest(5)
			o[a], o[b] = o[b], o[a]
			return nil
		}},
		{"digest-signature-altered", func(o Objects) error { o.sign(o.digest(3), strings.Repeat("ab", 256)); return nil }},
		{"digest-signature-removed", func(o Objects) error {
			o[o.digest(3)] = Stored{Body: o[o.digest(3)].Body}
			return nil
		}},
		{"digest-other-key", func(o Objects) error {
			return o.recompress(o.digest(3), func(b []byte) []byte {
				at := bytes.Index(b, []byte(`"digestPublicKeyFingerprint":"`)) + len(`"digestPublicKeyFingerprint":"`)
				return append(append(b[:at:at], "00000000000000000000000000000000"...), b[at+32:]...)
			})
		}},
		{"digest-renamed", func(o Objects) error {
			key := o.digest(3)
			o[strings.Replace(key, "_CloudTrail-Digest_", "_Old_", 1)] = o[key]
			delete(o, key)
			return nil
		}},
		{"digest-of-another-trail", func(o Objects) error {
			key := o.digest(3)
			o[key] = o[OtherPrefix+"/"+strings.Replace(key, "_"+Trail+"_", "_"+OtherTrail+"_", 1)]
			if o[key].Body == nil {
				return errors.New("the other trail has no such digest")
			}
			return nil
		}},
		{"digest-of-another-region", func(o Objects) error {
			key := o.digest(3)
			o[key] = o[strings.NewReplacer("/"+Region+"/", "/us-east-1/", "Digest_"+Region+"_", "Digest_us-east-1_").Replace(key)]
			if o[key].Body == nil {
				return errors.New("the other region has no such digest")
			}
			return nil
		}},
		{"digest-cut", func(o Objects) error { return o.edit(o.digest(3), func(b []byte) []byte { return b[:len(b)/2] }) }},
		{"digest-appended-bytes", func(o Objects) error {
			return o.edit(o.digest(3), func(b []byte) []byte { return append(b, "more"...) })
		}},
	}
}

// digest is the key of the nth digest from the newest of the first trail, in its home region.
func (o Objects) digest(n int) string {
	all := o.under("AWSLogs/" + AccountID + "/CloudTrail-Digest/" + Region + "/")
	return all[len(all)-1-n]
}

// log is the key of a log file of some hours ago, in the first trail's home region.
func (o Objects) log() string {
	all := o.under("AWSLogs/" + AccountID + "/CloudTrail/" + Region + "/")
	return all[len(all)-6]
}

func (o Objects) under(prefix string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(o)) {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	return out
}

func (o Objects) edit(key string, f func([]byte) []byte) error {
	x := o[key]
	o[key] = Stored{f(slices.Clone(x.Body)), x.Meta}
	return nil
}

func (o Objects) recompress(key string, f func([]byte) []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(o[key].Body))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	changed := f(slices.Clone(text))
	if bytes.Equal(changed, text) {
		return fmt.Errorf("nothing was changed in %s", key)
	}
	o[key] = Stored{pressed(changed), o[key].Meta}
	return nil
}

func (o Objects) rewrite(key string, old, to []byte) error {
	return o.recompress(key, func(b []byte) []byte { return bytes.Replace(b, old, to, 1) })
}

func (o Objects) sign(key, signature string) {
	m := maps.Clone(o[key].Meta)
	m["signature"] = signature
	o[key] = Stored{o[key].Body, m}
}

// dropRecord leaves a log file without its records.
func dropRecord([]byte) []byte { return []byte(`{"Records":[]}`) }

func pressed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes all
	_ = z.Close()
	return out.Bytes()
}

// TrailObjects reads the trail's bucket.
func (a *Account) TrailObjects(ctx context.Context) (Objects, error) {
	c, out := a.store(), Objects{}
	in := &s3.ListObjectsV2Input{Bucket: aws.String(TrailBucket)}
	for {
		page, err := c.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, x := range page.Contents {
			got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: x.Key})
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(got.Body)
			if err = errors.Join(err, got.Body.Close()); err != nil {
				return nil, err
			}
			out[*x.Key] = Stored{body, got.Metadata}
		}
		if in.ContinuationToken = page.NextContinuationToken; in.ContinuationToken == nil {
			return out, nil
		}
	}
}

// Tamper does it to the trail's bucket.
func (a *Account) Tamper(ctx context.Context, x Tampering) error {
	before, err := a.TrailObjects(ctx)
	if err != nil {
		return err
	}
	after := maps.Clone(before)
	if err := x.Do(after); err != nil {
		return fmt.Errorf("%s: %w", x.Name, err)
	}
	if reflect.DeepEqual(before, after) {
		return fmt.Errorf("%s changes nothing", x.Name)
	}
	c := a.store()
	for key := range before {
		if _, there := after[key]; !there {
			if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(TrailBucket), Key: aws.String(key)}); err != nil {
				return err
			}
		}
	}
	for key, o := range after {
		if reflect.DeepEqual(before[key], o) {
			continue
		}
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(TrailBucket), Key: aws.String(key), Body: bytes.NewReader(o.Body), Metadata: o.Meta,
			ContentType: aws.String("application/json"), ContentEncoding: aws.String("gzip")}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) store() *s3.Client {
	return s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}
