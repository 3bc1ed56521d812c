package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// corpus is a seeded trail bucket: files as a trail delivers them, small, many, gzipped, in
// folders by region and day, with records of many services, one in fifty delivered twice.
type corpus struct {
	files, perFile int
	first          int     // number of the first file
	needle         string  // named by some records, in one of several places
	hits           float64 // share of the records that name it
	hitFiles       float64 // share of the files in which such records are
	escaped        bool    // the needle is written with JSON escapes
	shuffled       bool    // members of a record in any order
}

// bucketCorpus has the measures of a day of a mid-sized organization: 7,700 files, 400,000
// events, about 64 MB packed and 512 MB inflated.
func bucketCorpus() corpus { return corpus{files: 7700, perFile: 52} }

const corpusPrincipals = 20_000

// write makes the files and says how large they are.
func (c corpus) write(tb testing.TB, dir string) (packed, inflated int64) {
	tb.Helper()
	regions := []string{"eu-west-1", "us-east-1", "eu-central-1", "us-west-2"}
	var body, out bytes.Buffer
	z := gzip.NewWriter(&out)
	r := rand.New(rand.NewPCG(1, 2))
	for f := range c.files {
		region := regions[f%len(regions)]
		at := filepath.Join(dir, "AWSLogs", corpusAccount, "CloudTrail", region, "2026", "03", fmt.Sprintf("%02d", 1+f%4))
		if err := os.MkdirAll(at, 0o700); err != nil {
			tb.Fatal(err)
		}
		names := c.needle != "" && r.Float64() < c.hitFiles
		body.Reset()
		body.WriteString(`{"Records":[`)
		for i := range c.perFile {
			if i > 0 {
				body.WriteByte(',')
			}
			n := (c.first+f)*c.perFile + i
			if i > 0 && r.IntN(50) == 0 {
				n -= r.IntN(i) // delivered before
			}
			c.record(&body, n, region, names)
		}
		body.WriteString(`]}`)
		inflated += int64(body.Len())
		out.Reset()
		z.Reset(&out)
		if _, err := z.Write(body.Bytes()); err != nil {
			tb.Fatal(err)
		}
		if err := z.Close(); err != nil {
			tb.Fatal(err)
		}
		packed += int64(out.Len())
		name := fmt.Sprintf("%s_CloudTrail_%s_20260301T%04dZ_%016x.json.gz", corpusAccount, region, f%2400, c.first+f)
		if err := os.WriteFile(filepath.Join(at, name), out.Bytes(), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return packed, inflated
}

const corpusAccount = "111122223333"

// verbs and nouns make names of events as they are seen: 20 by 15.
var (
	corpusVerbs = []string{"Describe", "Get", "List", "Create", "Delete", "Update", "Put", "Batch", "Start", "Stop", "Tag", "Untag", "Attach", "Detach", "Enable", "Disable", "Modify", "Register", "Invoke", "Assume"}
	corpusNouns = []string{"Instances", "Object", "Item", "Function20150331v2", "Role", "Policy", "Table", "Volumes", "Key", "Secret", "Stream", "LogGroup", "Alarms", "Rule", "Repository"}
	services    = []string{"ec2", "s3", "dynamodb", "lambda", "iam", "iam", "dynamodb", "ec2", "kms", "secretsmanager", "kinesis", "logs", "monitoring", "events", "ecr"}
	agents      = []string{
		"Boto3/1.34.%d md/Botocore#1.34 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.12 exec-env/AWS_Lambda_python3.12",
		"aws-cli/2.15.%d md/awscrt#0.19.19 ua/2.0 os/macos#23.2.0 md/arch#arm64 lang/python#3.11.6 md/pyimpl#CPython cfg/retry-mode#standard md/prompt#off md/command#ec2.describe-instances",
		"APN/1.0 HashiCorp/1.0 Terraform/1.7.%d (+https://www.terraform.io) terraform-provider-aws/5.40 aws-sdk-go-v2/1.25 os/linux lang/go#1.21",
		"aws-sdk-nodejs/2.1083.%d linux/v18.16 promise",
		"autoscaling.amazonaws.com",
	}
)

// record is a function of n alone, so that a second delivery is an exact copy.
func (c corpus) record(w *bytes.Buffer, n int, region string, names bool) {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	noun := r.IntN(len(corpusNouns))
	service, name := services[noun], corpusVerbs[r.IntN(len(corpusVerbs))]+corpusNouns[noun]
	who := r.IntN(corpusPrincipals)
	target := fmt.Sprintf("thing-%d", r.IntN(5000))
	if names && r.Float64() < c.hits/c.hitFiles {
		target = c.needle
		if c.escaped {
			target = escapeSome(c.needle)
		}
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n/5+r.IntN(900)) * time.Second)
	role := fmt.Sprintf("service-%d", who%900)
	members := []string{
		`"eventVersion":"1.11"`,
		fmt.Sprintf(`"userIdentity":{"type":"AssumedRole","principalId":"AROA%016d:app-%d","arn":"arn:aws:sts::%s:assumed-role/%s/app-%d","accountId":"%[3]s","accessKeyId":"ASIA%016[6]d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA%016[1]d","arn":"arn:aws:iam::%[3]s:role/%[4]s","accountId":"%[3]s","userName":"%[4]s"},"attributes":{"creationDate":"2026-03-01T%02[7]d:00:00Z","mfaAuthenticated":"false"}}}`,
			who%900, who, corpusAccount, role, who, who*7, who%24),
		fmt.Sprintf(`"eventTime":%q`, at.Format(time.RFC3339)),
		fmt.Sprintf(`"eventSource":"%s.amazonaws.com"`, service),
		fmt.Sprintf(`"eventName":%q`, name),
		fmt.Sprintf(`"awsRegion":%q`, region),
		fmt.Sprintf(`"sourceIPAddress":"10.%d.%d.%d"`, who%8, who%256, r.IntN(256)),
		fmt.Sprintf(`"userAgent":%q`, strings.Replace(agents[who%len(agents)], "%d", fmt.Sprint(who%60), 1)),
	}
	if r.IntN(20) == 0 {
		members = append(members, `"errorCode":"AccessDenied"`, fmt.Sprintf(`"errorMessage":"User: arn:aws:sts::%s:assumed-role/%s/app-%d is not authorized to perform: %s:%s on resource: arn:aws:%[4]s:%[6]s:%[1]s:thing/%[7]s because no identity-based policy allows the %[4]s:%[5]s action"`,
			corpusAccount, role, who, service, name, region, target), `"requestParameters":null`)
	} else {
		members = append(members, fmt.Sprintf(`"requestParameters":{"functionName":"%s","instancesSet":{"items":[{"instanceId":"i-%017x"}]},"maxResults":%d}`,
			target, r.Uint32(), r.IntN(1000)))
	}
	members = append(members, `"responseElements":null`)
	if service == "s3" {
		members = append(members, fmt.Sprintf(`"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%x%x","bytesTransferredOut":%d}`, r.Uint64(), r.Uint64(), r.IntN(1<<20)))
	}
	members = append(members,
		fmt.Sprintf(`"requestID":"%08x-%04x-4000-8000-%012x"`, r.Uint32(), r.IntN(1<<16), r.Uint32()),
		fmt.Sprintf(`"eventID":"%08x-%04x-4000-8000-%012x"`, r.Uint32(), r.IntN(1<<16), n),
		fmt.Sprintf(`"readOnly":%v`, r.IntN(2) == 0),
		fmt.Sprintf(`"resources":[{"accountId":"%s","type":"AWS::Service::Thing","ARN":"arn:aws:%s:%s:%[1]s:thing/%s"}]`, corpusAccount, service, region, target),
		`"eventType":"AwsApiCall"`, `"managementEvent":true`, fmt.Sprintf(`"recipientAccountId":"%s"`, corpusAccount), `"eventCategory":"Management"`,
		fmt.Sprintf(`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s.%s.amazonaws.com"}`, service, region),
	)
	if c.shuffled {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	w.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(m)
	}
	w.WriteByte('}')
}

// escapeSome writes every third letter as an escape: the same string to JSON, another to a search.
func escapeSome(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i%3 == 1 {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// TestCorpus: the corpus is what the benchmarks say of it.
func TestCorpus(t *testing.T) {
	c := bucketCorpus()
	names, principals := map[string]bool{}, map[string]bool{}
	records, least := 100_000, 19_000 // of a quarter of the records; all have more
	if testing.Short() {
		records, least = 20_000, 12_000
	}
	for n := range records {
		var w bytes.Buffer
		c.record(&w, n, "eu-west-1", false)
		var r struct {
			EventName    string
			UserIdentity struct{ ARN string }
		}
		if err := json.Unmarshal(w.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		names[r.EventName], principals[r.UserIdentity.ARN] = true, true
	}
	if len(names) < 300 || len(principals) < least {
		t.Errorf("%d names of events, %d principals", len(names), len(principals))
	}
	c.files = 77
	packed, inflated := c.write(t, t.TempDir())
	t.Logf("a hundredth: %d KB packed, %d KB inflated, ratio %.1f", packed>>10, inflated>>10, float64(inflated)/float64(packed))
	if r := float64(inflated) / float64(packed); r < 4 || r > 14 || inflated/int64(c.files*c.perFile) < 1000 {
		t.Errorf("%d bytes an event, ratio %.1f", inflated/int64(c.files*c.perFile), r)
	}
}
