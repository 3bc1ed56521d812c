package awssim

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// codeLife is how long a code URL lives (AWS: API reference, GetFunction).
const codeLife = 10 * time.Minute

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// location says where a version's code is to be had.
func (c *call) location(t *lambdaTarget, v *version) *lt.FunctionCodeLocation {
	out := v.code
	switch {
	case out.ImageUri != nil:
		return &out
	case out.ResolvedS3Object != nil: // S3ObjectStorageMode REFERENCE: no URL
		out.RepositoryType = aws.String("S3")
		return &out
	}
	out.RepositoryType = aws.String("S3")
	out.Location = aws.String(c.presign(t.account, t.region, t.name, aws.ToString(v.config.CodeSha256)))
	return &out
}

// presign makes a URL on the host that the caller used. Path and query look like AWS's.
func (c *call) presign(account, region, name, hash string) string {
	scheme := "http"
	if c.http.TLS != nil || c.http.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	path := fmt.Sprintf("/awslambda-%s-tasks/snapshots/%s/%s-%s", region, account, name, c.idFrom("uuid", account, name, hash))
	q := url.Values{
		"versionId": {c.idFrom("alnum:32", hash)}, "X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Date": {c.now.UTC().Format("20060102T150405Z")},
		"X-Amz-Expires": {fmt.Sprint(int(codeLife.Seconds()))}, "X-Amz-SignedHeaders": {"host"}, "X-Amz-Security-Token": {c.idFrom("token", hash, region, account)},
	}
	q.Set("X-Amz-Signature", c.codeSignature(path, q))
	return scheme + "://" + c.http.Host + path + "?" + q.Encode()
}

// codeSignature binds path and query to this account's seed.
func (c *Cloud) codeSignature(path string, q url.Values) string {
	signed := url.Values{}
	for k, v := range q {
		if k != "X-Amz-Signature" {
			signed[k] = v
		}
	}
	d := c.digest("code url", path, signed.Encode())
	return hexOf(d[:])
}

// serveCode answers a presigned code or layer URL.
func (c *Cloud) serveCode(w http.ResponseWriter, r *http.Request) {
	data, code, message := c.codeAt(r)
	c.downloaded()
	c.linger(r.Context(), 0)
	f := c.downloadFault(r)
	if f.Denied {
		data, code, message = codeBytes{}, "AccessDenied", "Access Denied"
	}
	if code != "" {
		w.Header().Set("Content-Type", "application/xml")
		if code == "NoSuchKey" {
			w.WriteHeader(http.StatusNotFound)
		} else {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", fmt.Sprint(data.length()))
	if f.Garbled || f.Cut {
		data.spoil(w, f)
		return
	}
	_ = data.writeTo(w) // the client may be gone
}

// spoil sends a package with a wrong byte, or half of it.
func (b codeBytes) spoil(w http.ResponseWriter, f Fail) {
	var whole bytes.Buffer
	_ = b.writeTo(&whole) // a buffer takes everything
	if data := whole.Bytes(); f.Garbled {
		data[0] = ^data[0]
	}
	if f.Cut {
		(&response{body: whole.Bytes()}).writeCut(w)
	}
	_, _ = w.Write(whole.Bytes()) // the client may be gone
}

func (c *Cloud) codeAt(r *http.Request) (data codeBytes, code, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	if r.Method != http.MethodGet || !hmac.Equal([]byte(q.Get("X-Amz-Signature")), []byte(c.codeSignature(r.URL.Path, q))) {
		return data, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
	}
	issued, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	life, _ := strconv.Atoi(q.Get("X-Amz-Expires")) // signed with the rest
	if err != nil || c.Now().Sub(issued) > time.Duration(life)*time.Second {
		return data, "AccessDenied", "Request has expired"
	}
	if isLayerURL(r) {
		if blob := c.layerIn(r.URL.Path); blob != nil {
			return codeBytes{held: blob}, "", ""
		}
		return data, "NoSuchKey", "The specified key does not exist."
	}
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/") // bucket, snapshots, account, name-uuid
	region := strings.TrimSuffix(strings.TrimPrefix(part[0], "awslambda-"), "-tasks")
	s := c.lambda.at(part[2], region, newLambdaState)
	for hash, blob := range s.blobs {
		if strings.HasSuffix(part[3], nameOfBlob(c, part[2], part[3], hash)) {
			return codeBytes{held: blob}, "", ""
		}
	}
	for hash, p := range s.made {
		if strings.HasSuffix(part[3], nameOfBlob(c, part[2], part[3], hash)) {
			return codeBytes{made: p}, "", ""
		}
	}
	return data, "NoSuchKey", "The specified key does not exist."
}

// nameOfBlob is the end of the path that presign gave a package of that hash.
func nameOfBlob(c *Cloud, account, file, hash string) string {
	const uuid = 36
	if len(file) <= uuid {
		return "\x00"
	}
	return c.idFrom("uuid", account, file[:len(file)-uuid-1], hash)
}
