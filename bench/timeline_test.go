package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// trailCorpus writes seeded CloudTrail files as a trail delivers them: gzip, unordered,
// with one record in fifty delivered twice. It gives the inflated size.
func trailCorpus(tb testing.TB, dir string, files, perFile int) (inflated int64) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for f := range files {
		var body bytes.Buffer
		body.WriteString(`{"Records":[`)
		for i := range perFile {
			if i > 0 {
				body.WriteByte(',')
			}
			n := f*perFile + i
			if i > 0 && r.IntN(50) == 0 {
				n -= r.IntN(i) // delivered before
			}
			writeRecord(&body, n)
		}
		body.WriteString(`]}`)
		inflated += int64(body.Len())
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.json.gz", f)), zipped(tb, body.Bytes()), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return inflated
}

func zipped(tb testing.TB, b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// writeRecord is a function of n alone, so that a second delivery is an exact copy.
func writeRecord(w *bytes.Buffer, n int) {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	calls := [][2]string{{"s3", "GetObject"}, {"s3", "PutObject"}, {"dynamodb", "GetItem"}, {"lambda", "GetFunction20150331v2"}, {"kms", "Decrypt"}, {"sts", "AssumeRole"}, {"ec2", "DescribeInstances"}}
	call := calls[r.IntN(len(calls))]
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(86400)) * time.Second)
	fmt.Fprintf(w, `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%d:app","arn":"arn:aws:sts::111122223333:assumed-role/role-%d/app","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%05d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/role-%d","accountId":"111122223333","userName":"role-%d"},"attributes":{"creationDate":"2026-03-01T00:00:00Z","mfaAuthenticated":"false"}}},`,
		n%40, n%40, r.IntN(5000), n%40, n%40)
	fmt.Fprintf(w, `"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"10.%d.%d.%d","userAgent":"Boto3/1.34.%d md/Botocore#1.34 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.12 exec-env/AWS_Lambda_python3.12",`,
		at.Format(time.RFC3339), call[0], call[1], r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(60))
	if r.IntN(20) == 0 {
		fmt.Fprintf(w, `"errorCode":"AccessDenied","errorMessage":"User is not authorized to perform: %s on resource: arn:aws:%s:eu-west-1:111122223333:thing/%d",`, call[1], call[0], r.IntN(1000))
	}
	fmt.Fprintf(w, `"requestParameters":{"bucketName":"bucket-%d","Host":"bucket.s3.eu-west-1.amazonaws.com","key":"in/%x/%x"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"bytesTransferredOut":%d,"x-amz-id-2":"%x"},`,
		r.IntN(100), r.Uint64(), r.Uint64(), r.IntN(1<<20), r.Uint64())
	fmt.Fprintf(w, `"requestID":"%016X","eventID":"%08x-%04x-4000-8000-%012x","readOnly":%v,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::bucket-%d/x"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"bucket.s3.eu-west-1.amazonaws.com"}}`,
		r.Uint64(), uint32(n), uint16(n>>4), n, r.IntN(2) == 0, r.IntN(100))
}

// gunzip inflates every file, one after the other, with the same library: what reading
// costs at the least.
func gunzip(tb testing.TB, dir string) (time.Duration, int64) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	start, total := time.Now(), int64(0)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			tb.Fatal(err)
		}
		n, err := io.Copy(io.Discard, z)
		if err != nil {
			tb.Fatal(err)
		}
		total += n
		if err := f.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return time.Since(start), total
}

// BenchmarkTimeline builds jsonl from a day of records and compares with plain gunzip of
// the same files in the same run: x_gunzip is how many times as long it took on one
// reader, and with one reader a CPU.
func BenchmarkTimeline(b *testing.B) {
	dir := b.TempDir()
	size := trailCorpus(b, dir, 16, 4000)
	for _, workers := range []int{1, 0} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			var plain, built time.Duration
			for b.Loop() {
				d, n := gunzip(b, dir)
				if n != size {
					b.Fatalf("%d bytes of %d", n, size)
				}
				plain += d
				start := time.Now()
				sum, err := timeline.Build(context.Background(), timeline.Options{Format: "jsonl", Workers: workers, TempDir: b.TempDir()}, timeline.Input{Paths: []string{dir}}, io.Discard)
				built += time.Since(start)
				if err != nil || sum.Skips != 0 || sum.Read != 64000 || sum.Duplicates == 0 || sum.Runs == 0 {
					b.Fatalf("%v %+v", err, sum)
				}
			}
			b.ReportMetric(built.Seconds()/plain.Seconds(), "x_gunzip")
			b.ReportMetric(float64(size)*float64(b.N)/built.Seconds()/1e6, "MB/s")
		})
	}
}
