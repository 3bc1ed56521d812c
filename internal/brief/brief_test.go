package brief

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	account = "123456789012"
	fn      = "arn:aws:lambda:eu-west-1:" + account + ":function:payments"
	other   = "arn:aws:lambda:eu-west-1:" + account + ":function:other"
	role    = "arn:aws:iam::" + account + ":role/payments-role"
	thief   = "203.0.113.66"
	stolen  = "ASIASTOLENSTOLENSTOL"
)

// build is a case in the making, at a clock that stands still between bags.
type build struct {
	t   *testing.T
	c   *evidence.Case
	now time.Time
}

func newBuild(t *testing.T) *build {
	t.Helper()
	v, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	b := &build{t: t, now: at("2026-01-31T03:00:00Z")}
	b.c, err = evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "payments", Operator: "o", Home: t.TempDir(), Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type artefact struct {
	name, arn, qualifier, body string
}

// bag seals a collection of the week before now, an hour after the one before.
func (b *build) bag(gaps []evidence.Gap, all ...artefact) *evidence.Bag {
	b.t.Helper()
	b.now = b.now.Add(time.Hour)
	w, err := b.c.Begin(b.t.Context(), evidence.Header{
		Kind: evidence.KindCollection, Targets: []string{fn},
		Params: map[string]string{"since": "168h", "until": b.now.Format(time.RFC3339), "scope": "all"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range all {
		m := evidence.Meta{Artefact: a.name, Name: a.name, Source: evidence.Source{ARN: a.arn, Qualifier: a.qualifier}, Started: b.now, Ended: b.now,
			Params: map[string]string{"StartTime": b.now.Add(-168 * time.Hour).Format(time.RFC3339), "EndTime": b.now.Format(time.RFC3339)}}
		if _, err := w.Put(b.t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, a.body); return err }); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, g := range gaps {
		if err := w.Gap(g); err != nil {
			b.t.Fatal(err)
		}
	}
	bag, err := w.Seal(b.t.Context(), evidence.StatusPartial)
	if err != nil {
		b.t.Fatal(err)
	}
	return bag
}

func (b *build) brief(acts ...Act) *Brief {
	b.t.Helper()
	got, err := Of(b.t.Context(), Input{Case: b.c, Acts: acts, Now: b.now})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := json.Marshal(got); err != nil {
		b.t.Fatal(err)
	}
	return got
}

// pages are looked-up records, a page a line.
func pages(records ...string) string {
	var out strings.Builder
	for _, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, `{"Events":[{"CloudTrailEvent":%s}]}`+"\n", text)
	}
	return out.String()
}

func record(id, when, service, name, identity, address, more string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventID":%q,"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":%q,"userAgent":"aws-cli/2","recipientAccountId":"`+account+`","eventCategory":"Management","managementEvent":true,"userIdentity":%s%s}`,
		id, when, service, name, address, identity, more)
}

func session(key, created string) string {
	attributes := ""
	if created != "" {
		attributes = `,"attributes":{"creationDate":"` + created + `"}`
	}
	return `{"type":"AssumedRole","arn":"arn:aws:sts::` + account + `:assumed-role/payments-role/payments","accountId":"` + account + `","accessKeyId":"` + key + `","inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"` + fn + `"},"sessionContext":{"sessionIssuer":{"type":"Role","arn":"` + role + `","userName":"payments-role"}` + attributes + `}}`
}

const user = `{"type":"IAMUser","arn":"arn:aws:iam::` + account + `:user/mallory","accountId":"` + account + `","accessKeyId":"AKIAMALLORYMALLORYMA","userName":"mallory"}`

// attack is an opening to everyone and credentials used elsewhere from the same address.
func attack(issue string) artefact {
	grant := `,"requestParameters":{"functionName":"payments","statementId":"open","action":"lambda:InvokeFunction","principal":"*"},"responseElements":{}`
	records := []string{
		record("e-owner", "2026-01-30T20:00:00Z", "lambda", "UpdateFunctionConfiguration20150331v2", `{"type":"IAMUser","arn":"arn:aws:iam::`+account+`:user/olivia","accountId":"`+account+`","accessKeyId":"AKIAOLIVIAOLIVIAOLIV","userName":"olivia"}`, "198.51.100.20", `,"requestParameters":{"functionName":"payments"},"responseElements":{"functionArn":"`+fn+`"}`),
		record("e-grant", "2026-01-30T23:00:00Z", "lambda", "AddPermission20150331v2", user, thief, grant),
		record("e-use", "2026-01-30T23:10:00Z", "s3", "ListBuckets", session(stolen, "2026-01-30T22:00:00Z"), thief, ""),
	}
	if issue != "" {
		records = append(records, record("e-issue", "2026-01-30T22:00:00Z", "sts", "AssumeRole", `{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}`, "lambda.amazonaws.com",
			`,"requestParameters":{"roleArn":"`+role+`"},"responseElements":{"credentials":{"accessKeyId":"`+stolen+`","expiration":"`+issue+`"}}`))
	}
	return artefact{"cloudtrail.lookup", fn, "ResourceName=payments", pages(records...)}
}

func configuration(qualifier string) artefact {
	return artefact{"lambda.configuration", fn, qualifier, `{"Configuration":{"FunctionArn":"` + fn + `","Version":"` + qualifier + `","Role":"` + role + `","LastModified":"2026-01-01T00:00:00.000+0000"},"Code":{"Location":"https://x"}}`}
}

func TestNothing(t *testing.T) {
	b := newBuild(t).brief()
	if len(b.Next) != 1 || b.Next[0].Run != "freezeframe collect --function NAME" {
		t.Errorf("next %+v", b.Next)
	}
	if len(b.Functions)+len(b.Happened)+len(b.Who)+len(b.Contained)+len(b.Open)+len(b.Deadlines)+b.Gaps+len(b.Unread) > 0 {
		t.Errorf("told %+v", b)
	}
}

// TestUnfinished: a collection that was cut off is gone on with before anything is begun.
func TestUnfinished(t *testing.T) {
	b := newBuild(t)
	if _, err := b.c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection, Targets: []string{fn}}); err != nil {
		t.Fatal(err)
	}
	got := b.brief()
	if got.Next[0].Run != "freezeframe collect --resume" || !slices.Equal(got.Functions, []string{fn}) {
		t.Errorf("functions %q, next %+v", got.Functions, got.Next)
	}
}

func TestAttack(t *testing.T) {
	b := newBuild(t)
	bag := b.bag([]evidence.Gap{
		{Artefact: "lambda.code", Source: evidence.Source{ARN: fn, Qualifier: "1"}, State: evidence.Denied, Call: "Lambda:GetFunction", Error: "AccessDeniedException: no"},
		{Artefact: "lambda.tags", Source: evidence.Source{ARN: fn}, State: evidence.Denied, Call: "Lambda:ListTags", Error: "AccessDeniedException: no"},
	}, attack("Jan 31, 2026, 4:30:00\u202fAM"), configuration("$LATEST"), configuration("1"),
		artefact{"lambda.policy", fn, "", `{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"}]}"}`},
		artefact{"logs.group", "arn:aws:logs:eu-west-1:" + account + ":log-group:/aws/lambda/payments", "", `{"logGroups":[{"logGroupName":"/aws/lambda/payments","retentionInDays":1}]}`},
		artefact{"kms.key", "arn:k", "", `{"KeyMetadata":`})
	got := b.brief()

	var happened []string
	for _, turn := range got.Happened {
		happened = append(happened, fmt.Sprint(turn.Sign, " ", turn.Sort, " ", turn.Where))
	}
	want := []string{"false config 198.51.100.20", "true grant " + thief, "true credentials " + thief}
	if !slices.Equal(happened, want) {
		t.Errorf("happened %q, want %q", happened, want)
	}
	if len(got.Who) != 3 || !got.Who[0].Sign || !got.Who[1].Sign || got.Who[2].Who != "olivia" {
		t.Errorf("who %+v", got.Who)
	}
	var open []string
	for _, o := range got.Open {
		open = append(open, o.Kind+" "+o.Key)
	}
	if want := []string{"access-key AKIAMALLORYMALLORYMA", "session-key " + stolen, "public-grant "}; !slices.Equal(open, want) {
		t.Errorf("open %q, want %q", open, want)
	}
	if got.Gaps != 2 || got.Missing[0].Artefact != "lambda.code" {
		t.Errorf("%d gaps: %+v", got.Gaps, got.Missing)
	}
	if len(got.Unread) != 1 || !strings.Contains(got.Unread[0], "kms.key") {
		t.Errorf("not read: %q", got.Unread)
	}
	// The session ends when the answer that issued it says; the log events of the attack go a
	// day after it; the link to the code that is missing lived ten minutes.
	deadlines := map[string]Deadline{}
	for _, d := range got.Deadlines {
		deadlines[strings.Fields(d.What)[0]+d.At.Format(" 01-02T15:04")] = d
		if d.Evidence.Item == "" || !strings.HasPrefix(d.Evidence.Path, "collections/"+bag.ID()+"/data/") {
			t.Errorf("%s rests on %+v", d.What, d.Evidence)
		}
	}
	for at, says := range map[string]string{
		"session 01-31T04:30": "by the answer that issued it", "log 01-31T23:00": "retention of 1 day",
		"the 01-31T04:10": "the link to the code of payments:1", "the 04-30T20:00": "leaves CloudTrail's event history",
	} {
		d, ok := deadlines[at]
		if !ok || !strings.Contains(d.What+": "+d.Basis, says) {
			t.Errorf("%s: %+v of %+v", at, d, deadlines)
		}
	}
	if len(got.Deadlines) != 4 || got.Deadlines[0].At.Day() != 31 || !got.Deadlines[3].Held {
		t.Errorf("deadlines %+v", got.Deadlines)
	}
	if got.Next[0].Run != "freezeframe contain plan --function "+fn || !strings.Contains(got.Next[2].Run, "put-retention-policy") {
		t.Errorf("next %+v", got.Next)
	}
}

// TestContained: what acts in force close is no longer open; what stands otherwise is. A sign
// that a newer bag no longer shows is gone, and so is a gap that a newer one has closed.
func TestContained(t *testing.T) {
	b := newBuild(t)
	gap := evidence.Gap{Artefact: "lambda.code", Source: evidence.Source{ARN: fn, Qualifier: "$LATEST"}, State: evidence.Failed}
	policy := `{"Policy":"{\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"},{\"Sid\":\"any\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"s3.amazonaws.com\"},\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"}]}"}`
	b.bag([]evidence.Gap{gap}, attack(""), configuration("$LATEST"), artefact{"lambda.policy", fn, "", policy},
		artefact{"lambda.urls", fn, "", `{"FunctionUrlConfigs":[{"FunctionUrl":"https://x/","FunctionArn":"` + fn + `","AuthType":"NONE"}]}`})
	act := func(name, state, function string) Act {
		return Act{Act: name, State: state, Function: function, Since: b.now.Add(time.Minute)}
	}
	acts := []Act{act(ActGrants, InForce, fn), act(ActRevoke, InForce, fn), act(ActURL, "released", fn), act(ActURL, InForce, other)}
	kinds := func(list []Open) (out []string) {
		for _, o := range list {
			out = append(out, o.Kind)
		}
		return out
	}
	got := b.brief(acts...)
	if want := []string{"act", "access-key", "public-grant", "foreign-grant"}; !slices.Equal(kinds(got.Open), want) {
		t.Errorf("open %q, want %q", kinds(got.Open), want)
	}
	if len(got.Handled) != 2 || len(got.Contained) != 2 || got.Gaps != 1 {
		t.Errorf("handled %+v, contained %+v, %d gaps", got.Handled, got.Contained, got.Gaps)
	}
	b.bag(nil, artefact{"lambda.urls", fn, "", `{"FunctionUrlConfigs":[]}`}, artefact{"lambda.code", fn, "$LATEST", "PK"})
	got = b.brief(acts...)
	if want := []string{"act", "access-key", "foreign-grant"}; !slices.Equal(kinds(got.Open), want) {
		t.Errorf("after another look: open %q, want %q", kinds(got.Open), want)
	}
	if got.Gaps != 0 {
		t.Errorf("%d gaps", got.Gaps)
	}
	// An act on who did it counts, and the function is not contained by that.
	onlyActor := b.brief(act(ActQuarantine, InForce, "arn:aws:iam::"+account+":role/ci-deploy"))
	if len(onlyActor.Contained) != 1 || !slices.ContainsFunc(onlyActor.Next, func(c Command) bool { return strings.HasPrefix(c.Run, "freezeframe contain plan") }) {
		t.Errorf("the actor alone is contained: %+v, next %+v", onlyActor.Contained, onlyActor.Next)
	}
}

// TestManyFunctions: those that somebody acted on come first, and what is not told is named.
func TestManyFunctions(t *testing.T) {
	b := newBuild(t)
	var targets []string
	for i := range 10 {
		targets = append(targets, fmt.Sprintf("%s-%d", fn, i))
	}
	w, err := b.c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection, Targets: targets})
	if err == nil {
		_, err = w.Seal(t.Context(), evidence.StatusComplete)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := b.brief(Act{Act: ActURL, State: InForce, Function: targets[9], Since: b.now})
	if len(got.Functions) != maxStories || got.Functions[0] != targets[9] || got.Functions[1] != targets[0] || !slices.Equal(got.Untold, targets[7:9]) {
		t.Errorf("functions %q, not told %q", got.Functions, got.Untold)
	}
	one, err := Of(t.Context(), Input{Case: b.c, Function: targets[3], Now: b.now})
	if err != nil || !slices.Equal(one.Functions, targets[3:4]) {
		t.Errorf("%+v, %v", one, err)
	}
}

// TestSealedElsewhere: a case whose identity is not here says that it cannot be read.
func TestSealedElsewhere(t *testing.T) {
	b := newBuild(t)
	v, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	if b.c, err = evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Operator: "o", SealAll: true, Home: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	b.bag(nil, attack(""), artefact{"kms.key", "arn:k", "", `{"KeyMetadata":{"KeyState":"PendingDeletion"}}`})
	got := b.brief()
	if len(got.Deadlines) != 0 || !slices.ContainsFunc(got.Unread, func(u string) bool { return strings.Contains(u, "the identity of the case is not here") }) {
		t.Errorf("deadlines %+v, not read %q", got.Deadlines, got.Unread)
	}
}

// TestManyOfOneSort: a flood of one kind of change does not hide the others.
func TestManyOfOneSort(t *testing.T) {
	var all turns
	for i := range 50 {
		turn := Turn{Sign: true}
		turn.Sort, turn.From = "grant", at("2026-01-31T00:00:00Z").Add(time.Duration(i)*time.Minute)
		all = append(all, turn)
	}
	all[3].Sort, all[7].Sort, all[40].Sign = "code", "url", false
	got := turns(all.weightiest(8))
	has := func(i int) bool {
		return slices.ContainsFunc(got, func(x Turn) bool { return x.From.Equal(all[i].From) })
	}
	if len(got) != 8 || !has(3) || !has(7) || !has(49) || has(40) || !slices.IsSortedFunc(got, func(a, b Turn) int { return a.From.Compare(b.From) }) {
		t.Errorf("picked %+v", got)
	}
}

// TestActNames: the acts that close doors are those of the catalogue.
func TestActNames(t *testing.T) {
	for _, name := range []string{ActGrants, ActURL, ActRevoke, ActQuarantine, ActScoped} {
		if !slices.ContainsFunc(contain.All(), func(a contain.Act) bool { return a.Name == name }) {
			t.Errorf("no act is called %s", name)
		}
	}
	if string(contain.InForce) != InForce {
		t.Errorf("in force is %q", contain.InForce)
	}
}
