package timeline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
	"github.com/freezeframe-ir/freezeframe/internal/sigma/builtin"
)

// trodden are the members of a record, of which some follow only now and then.
var trodden = []string{
	`"eventVersion":"1.11"`, `"userIdentity":{"type":"AssumedRole","principalId":"AROA:s","arn":"arn:aws:sts::1:assumed-role/r/s","accountId":"1","accessKeyId":"ASIA1","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::1:role/r","userName":"r"},"attributes":{"creationDate":"2026-03-01T01:00:00Z","mfaAuthenticated":"false"}}}`,
	`"userIdentity":{"type":"IAMUser","userName":"ada","accessKeyId":"AKIA1"}`, `"userIdentity":null`, `"userIdentity":"none"`, `"userIdentity":{}`, `"userIdentity":{"type":"Root","sessionContext":7,"invokedBy":{"x":1}}`,
	`"eventTime":"2026-03-01T10:00:00Z"`, `"eventSource":"iam.amazonaws.com"`, `"eventName":"CreateUser"`, `"eventName":"Create\u0055ser"`, `"event\u004eame":"CreateUser"`, `"awsRegion":"eu-west-1"`, `"sourceIPAddress":null`, `"sourceIPAddress":"10.0.0.1"`, `"userAgent":"a \"b\" \\"`, `"userAgent":"ü"`,
	`"errorCode":"AccessDenied"`, `"errorCode":null`, `"errorMessage":"on resource: arn:aws:s3:::b"`, `"requestParameters":{"userName":"x","tags":[{"key":"k"}]}`, `"requestParameters":null`, `"responseElements":{"a":[1,2.5e3,true]}`,
	`"resources":[{"ARN":"arn:aws:s3:::b","type":"T"},{"arn":"arn:aws:s3:::c"}]`, `"resources":[1,null,{}]`, `"resources":{}`, `"readOnly":true`, `"readOnly":"false"`, `"tlsDetails":{"tlsVersion":"TLSv1.3","x":{"y":[]}}`, `"tlsDetails":null`,
	`"eventID":"e"`, `"requestID":"q"`, `"sharedEventID":"s"`, `"vpcEndpointId":"v"`, `"recipientAccountId":"1"`, `"eventCategory":"Management"`, `"unknown":{"deep":[[["x"]]]}`, `"Records":1`, `"Records":[]`, `"EventId":"l"`, `"summary":{"primaryDimension":{"dimension":"d"}}`,
}

// troddenRecords writes records that are much alike: what one has, the next has too, but for some
// members, an order, white space, or a damage here and there.
func troddenRecords(r *rand.Rand, n int) []byte {
	var all bytes.Buffer
	var usual []string
	for i := range n {
		if i%40 == 0 {
			usual = slices.Clone(trodden[:1+r.IntN(len(trodden)-1)])
			r.Shuffle(len(usual), func(i, j int) { usual[i], usual[j] = usual[j], usual[i] })
		}
		members := slices.Clone(usual)
		for range r.IntN(3) {
			members[r.IntN(len(members))] = trodden[r.IntN(len(trodden))]
		}
		line := "{" + strings.Join(members, ",") + "}"
		switch r.IntN(20) {
		case 0:
			line = strings.ReplaceAll(line, ":", ": ")
		case 1:
			at := r.IntN(len(line))
			line = line[:at] + string(rune('!'+r.IntN(94))) + line[at+1:]
		case 2:
			line = line[:r.IntN(len(line))]
		case 3:
			line = fmt.Sprintf(`{"Events":[{"EventId":"x","CloudTrailEvent":%q}]}`, line)
		}
		all.WriteString(line + "\n")
	}
	return all.Bytes()
}

// readAlong reads body several times with one reader, so that its records have tracks to follow,
// and gives what was found each time. Without tracks all are read in full.
func readAlong(t *testing.T, o *Options, body []byte, times int, tracks bool) *Sink {
	t.Helper()
	s := newSink(o, &spool{}, &origins{})
	t.Cleanup(s.arena.free)
	s.arena.bytes = 1 << 30 // never spilled
	for range times {
		if !tracks {
			s.tracks.credit = -maxDebt
		}
		if err := cloudTrailSource().Events(t.Context(), Stream{R: bytes.NewReader(body), Name: "cloudtrail.file"}, s); err != nil {
			t.Fatal(err)
		}
	}
	s.skips.trim()
	return s
}

// sameAlong: records that follow a track are read as those that are read in full.
func sameAlong(t *testing.T, o *Options, body []byte) (followed bool) {
	t.Helper()
	full, along := readAlong(t, o, body, 3, false), readAlong(t, o, body, 3, true)
	if full.tracks.first != nil {
		t.Fatal("a track was laid though none is wanted")
	}
	if full.read != along.read || !bytes.Equal(slices.Concat(full.arena.chunks...), slices.Concat(along.arena.chunks...)) {
		t.Fatalf("%d events read in full, %d along tracks, or they differ", full.read, along.read)
	}
	if full.skips.n != along.skips.n || !reflect.DeepEqual(full.skips.kept, along.skips.kept) || full.digests != along.digests {
		t.Fatalf("skips %+v read in full, %+v along tracks", full.skips, along.skips)
	}
	return along.tracks.followed > 0
}

// TestTracks: with rules that look into records, and without.
func TestTracks(t *testing.T) {
	rules, err := builtin.Rules()
	if err != nil {
		t.Fatal(err)
	}
	seeds, engine := uint64(24), sigma.NewEngine(rules)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		body := troddenRecords(rand.New(rand.NewPCG(5, seed)), 400)
		for _, e := range []*sigma.Engine{nil, engine} {
			o := Options{RunEvents: 1 << 20, MaxSkips: 1 << 20, Names: true, Rules: e}
			if !sameAlong(t, &o, body) {
				t.Errorf("seed %d: no record followed a track", seed)
			}
		}
	}
}

// TestTracksAreBounded: whoever writes records in which no two are alike makes them slow to read and
// no more.
func TestTracksAreBounded(t *testing.T) {
	var body bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&body, "{\"eventID\":\"%d\",\"eventTime\":\"2026-03-01T10:00:00Z\",\"m%d\":{\"a%d\":1},\"x\":1}\n", i, i, i)
	}
	s := readAlong(t, &Options{RunEvents: 1 << 20, MaxSkips: 10}, body.Bytes(), 1, true)
	if s.read != 20_000 || s.tracks.n > maxTracks || s.tracks.credit < -maxDebt-costOfTrack {
		t.Errorf("%d events, %d tracks, credit %d", s.read, s.tracks.n, s.tracks.credit)
	}
}
