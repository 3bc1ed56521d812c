package awssim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// What a trail delivers to its bucket. Sources: CloudTrail user guide, "CloudTrail log file
// name format", "CloudTrail digest file structure", "Custom implementations of CloudTrail
// log file integrity validation".

// organizationID is that of the simulated organization.
const organizationID = "o-exampleorgid"

const (
	deliverEvery = 5 * time.Minute // a log file holds what came in such a time
	stampMinute  = "20060102T1504Z"
	stampSecond  = "20060102T150405Z"
)

// delivery is how far a trail has delivered the records of a region.
type delivery struct {
	records  int         // of recorder.byScope that were looked at
	end      time.Time   // of the last digest
	previous *digestFile // nil before the first
	logs     []digestLog // delivered since
}

// digestFile is what the next digest says of this one.
type digestFile struct{ bucket, key, hash, signature string }

// digestLog is a log file in a digest.
type digestLog struct {
	Bucket    string `json:"s3Bucket"`
	Object    string `json:"s3Object"`
	Hash      string `json:"hashValue"`
	Algorithm string `json:"hashAlgorithm"`
	Newest    string `json:"newestEventTime"`
	Oldest    string `json:"oldestEventTime"`
}

// digestJSON is a digest, its members in AWS's order.
type digestJSON struct {
	Account           string      `json:"awsAccountId"`
	Start             string      `json:"digestStartTime"`
	End               string      `json:"digestEndTime"`
	Bucket            string      `json:"digestS3Bucket"`
	Object            string      `json:"digestS3Object"`
	Fingerprint       string      `json:"digestPublicKeyFingerprint"`
	Algorithm         string      `json:"digestSignatureAlgorithm"`
	Newest            *string     `json:"newestEventTime"`
	Oldest            *string     `json:"oldestEventTime"`
	PreviousBucket    *string     `json:"previousDigestS3Bucket"`
	PreviousObject    *string     `json:"previousDigestS3Object"`
	PreviousHash      *string     `json:"previousDigestHashValue"`
	PreviousAlgorithm *string     `json:"previousDigestHashAlgorithm"`
	PreviousSignature *string     `json:"previousDigestSignature"`
	Logs              []digestLog `json:"logFiles"`
}

// DeliverTrails lets every trail that logs deliver to its bucket what it has not delivered
// yet: log files of five minutes each and, where the trail validates log files, one digest a
// region for all of them, as if the hour were over now. A bucket that is not there gets
// nothing, as on AWS.
func (c *Cloud) DeliverTrails() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Clock.Now().UTC()
	var homes []scope
	for k := range c.trails.m {
		homes = append(homes, k)
	}
	slices.SortFunc(homes, func(a, b scope) int {
		return cmp.Or(strings.Compare(a.account, b.account), strings.Compare(a.region, b.region))
	})
	for _, home := range homes {
		s := c.trails.m[home]
		for _, name := range sortedNames(s.trails) {
			t := s.trails[name]
			b := c.s3.buckets[aws.ToString(t.config.S3BucketName)]
			if !t.logging || b == nil {
				continue
			}
			for _, region := range c.recordedRegions(home, t) {
				if err := c.deliver(t, b, scope{home.account, region}, now); err != nil {
					return fmt.Errorf("delivering trail %s of %s: %w", name, region, err)
				}
			}
		}
	}
	return nil
}

func (c *Cloud) recordedRegions(home scope, t *trail) []string {
	if !aws.ToBool(t.config.IsMultiRegionTrail) {
		return []string{home.region}
	}
	var out []string
	for k := range c.core.records.byScope {
		if k.account == home.account {
			out = append(out, k.region)
		}
	}
	slices.Sort(out)
	return out
}

// deliver writes the log files of one region, and the digest over them.
func (c *Cloud) deliver(t *trail, b *s3Bucket, of scope, now time.Time) error {
	if t.delivered == nil {
		t.delivered = map[string]*delivery{}
	}
	d := t.delivered[of.region]
	if d == nil {
		d = &delivery{end: t.started}
		t.delivered[of.region] = d
	}
	all := c.core.records.byScope[of]
	slots := map[time.Time][]*trailRecord{}
	for _, r := range all[d.records:] {
		if t.wants(r) && !r.eventTime.Before(t.started.Truncate(time.Second)) {
			at := r.eventTime.UTC().Truncate(deliverEvery).Add(deliverEvery)
			slots[at] = append(slots[at], r)
		}
	}
	d.records = len(all)
	var times []time.Time
	for at := range slots {
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		if err := c.deliverLog(t, b, of, d, at, slots[at]); err != nil {
			return err
		}
	}
	if !aws.ToBool(t.config.LogFileValidationEnabled) {
		return nil
	}
	return c.deliverDigest(t, b, of, d, now)
}

// wants says whether the trail's basic selectors take a record. Advanced ones are not
// simulated: such a trail takes management events.
func (t *trail) wants(r *trailRecord) bool {
	if len(t.advanced) > 0 {
		return !r.data
	}
	for _, s := range t.selectors {
		if s.ReadWriteType == ct.ReadWriteTypeReadOnly && !r.readOnly || s.ReadWriteType == ct.ReadWriteTypeWriteOnly && r.readOnly {
			continue
		}
		if !r.data && aws.ToBool(s.IncludeManagementEvents) && !slices.Contains(s.ExcludeManagementEventSources, r.source) {
			return true
		}
		for _, d := range s.DataResources {
			for _, value := range d.Values {
				if r.data && slices.ContainsFunc(r.resources, func(x trailResource) bool { return strings.HasPrefix(x.arn, value) }) {
					return true
				}
			}
		}
	}
	return false
}

// root is where a trail's files of an account lie.
func (t *trail) root(account string) string {
	at := "AWSLogs/"
	if p := aws.ToString(t.config.S3KeyPrefix); p != "" {
		at = p + "/" + at
	}
	if aws.ToBool(t.config.IsOrganizationTrail) {
		at += organizationID + "/"
	}
	return at + account + "/"
}

func (c *Cloud) deliverLog(t *trail, b *s3Bucket, of scope, d *delivery, at time.Time, records []*trailRecord) error {
	var body bytes.Buffer
	body.WriteString(`{"Records":[`)
	log := digestLog{Bucket: b.name, Algorithm: "SHA-256"}
	for i, r := range records {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(r.raw)
		when := r.eventTime.UTC().Format(trailTime)
		if log.Oldest == "" || when < log.Oldest {
			log.Oldest = when
		}
		log.Newest = max(log.Newest, when)
	}
	body.WriteString(`]}`)
	log.Object = fmt.Sprintf("%sCloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", t.root(of.account), of.region, at.Format("2006/01/02"), of.account, of.region,
		at.Format(stampMinute), c.idFrom("alnum:16", "log file", b.name, of.account, of.region, records[0].id))
	log.Hash = hexSum(body.Bytes())
	d.logs = append(d.logs, log)
	return c.putDelivered(b, log.Object, body.Bytes(), at, nil)
}

// deliverDigest signs what was delivered since the last digest, and that digest with it.
func (c *Cloud) deliverDigest(t *trail, b *s3Bucket, of scope, d *delivery, now time.Time) error {
	key, err := c.digestKey(of.account, of.region)
	if err != nil {
		return err
	}
	_, fingerprint := publicKey(key)
	doc := digestJSON{
		Account: of.account, Start: d.end.UTC().Format(trailTime), End: now.Format(trailTime), Bucket: b.name, Fingerprint: fingerprint, Algorithm: "SHA256withRSA", Logs: orEmpty(d.logs),
		Object: fmt.Sprintf("%sCloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", t.root(of.account), of.region, now.Format("2006/01/02"), of.account, of.region,
			*t.config.Name, *t.config.HomeRegion, now.Format(stampSecond)),
	}
	for _, l := range d.logs {
		if doc.Oldest == nil || l.Oldest < *doc.Oldest {
			doc.Oldest = aws.String(l.Oldest)
		}
		if doc.Newest == nil || l.Newest > *doc.Newest {
			doc.Newest = aws.String(l.Newest)
		}
	}
	before := "null"
	if p := d.previous; p != nil {
		before = p.signature
		doc.PreviousBucket, doc.PreviousObject, doc.PreviousHash, doc.PreviousSignature = &p.bucket, &p.key, &p.hash, &p.signature
		doc.PreviousAlgorithm = aws.String("SHA-256")
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	hash := hexSum(body)
	sum := sha256.Sum256([]byte(doc.End + "\n" + b.name + "/" + doc.Object + "\n" + hash + "\n" + before))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return err
	}
	d.previous = &digestFile{b.name, doc.Object, hash, hex.EncodeToString(signature)}
	d.end, d.logs = now, nil
	return c.putDelivered(b, doc.Object, body, now, map[string]string{"signature": d.previous.signature, "signature-algorithm": doc.Algorithm})
}

// putDelivered stores an object as CloudTrail does: gzip, with its type and encoding.
func (c *Cloud) putDelivered(b *s3Bucket, key string, body []byte, at time.Time, meta map[string]string) error {
	var data bytes.Buffer
	if c.zip == nil {
		c.zip = gzip.NewWriter(&data)
	}
	z := c.zip // used again: making one takes longer than packing a small file
	z.Reset(&data)
	if _, err := z.Write(body); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	sums, err := claims(nil, "", nil, nil, nil, nil, nil).check(data.Bytes(), "")
	if err != nil {
		return err
	}
	v := &s3Version{key: key, id: "null", data: data.Bytes(), etag: etagOf(data.Bytes()), sums: sums, modified: at.Truncate(time.Second),
		head: s3Head{ContentType: "application/json", Encoding: "gzip", SSE: "AES256", Meta: meta}}
	if b.versioning == "Enabled" {
		v.id = c.idFrom("alnum:32", "delivered", b.name, key)
	}
	b.store(v)
	return nil
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
