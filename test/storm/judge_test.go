package storm

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// judge looks at what the storm has left.
func (w *world) judge(t *testing.T, by *slot) {
	t.Helper()
	ctx := context.Background()
	by.doomed, by.next = false, death{}
	want, got := map[string]bool{}, map[string]bool{}
	for _, f := range w.plan.findings {
		want[f.kase] = true
	}
	pages := s3.NewListObjectsV2Paginator(w.s3(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("alerts/"), Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		w.must(err)
		for _, p := range page.CommonPrefixes {
			if id := strings.Split(*p.Prefix, "/")[1]; id != "board" {
				got[id] = true
			}
		}
	}
	if !maps.Equal(want, got) {
		t.Errorf("%d cases, %d findings:\nmissing %v\ntoo many %v", len(got), len(want), less(want, got), less(got, want))
	}
	w.judgeDead(ctx, t)
	var all sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, f := range w.plan.findings {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			w.judgeCase(ctx, t, f)
			if i%6 == 0 || os.Getenv("FREEZEFRAME_STORM") == "all" { // a process each
				if out, err := by.command("verify", cases+"/"+f.kase, "--key", w.public).CombinedOutput(); err != nil {
					t.Errorf("verify %s: %v\n%s", f.kase, err, out)
				}
			}
		})
	}
	all.Wait()
}

func less(a, b map[string]bool) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for x := range a {
			if !b[x] && !yield(x) {
				return
			}
		}
	})
}

// judgeDead: the dead-letter queue has what was poisoned, and nothing else.
func (w *world) judgeDead(ctx context.Context, t *testing.T) {
	t.Helper()
	dead := map[string]bool{}
	for {
		out, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queueURL("dead"), MaxNumberOfMessages: 10})
		w.must(err)
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			dead[*m.Body] = true
			if !w.plan.poisoned[*m.Body] {
				t.Errorf("nothing was wrong with this message, and it is in the dead-letter queue: %.300s", *m.Body)
			}
		}
	}
	if len(dead) != len(w.plan.poisoned) {
		t.Errorf("%d of %d poisoned messages are in the dead-letter queue", len(dead), len(w.plan.poisoned))
	}
}

// judgeCase: intact, with every message, the code that the function has, and one whole run.
func (w *world) judgeCase(ctx context.Context, t *testing.T, f *finding) {
	t.Helper()
	v, err := s3vault.New(w.cfg, s3vault.Options{Bucket: bucket, Prefix: "alerts/" + f.kase})
	if err != nil {
		t.Error(err)
		return
	}
	for p, err := range evidence.Verify(ctx, v, evidence.VerifyOptions{}) {
		t.Errorf("%s: %+v %v", f.kase, p, err)
	}
	c, err := evidence.OpenCase(ctx, v)
	if err != nil {
		t.Errorf("%s: %v", f.kase, err)
		return
	}
	has, err := lambda.NewFromConfig(w.cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &f.function})
	if err != nil {
		t.Error(err)
		return
	}
	messages, runs, code := map[string]bool{}, 0, 0
	for b, err := range c.Bags(ctx) {
		if err != nil {
			t.Errorf("%s: %v", f.kase, err)
			return
		}
		if !b.Sealed() {
			t.Errorf("%s: bag %s is not sealed: %+v", f.kase, b.ID(), b.Header())
			w.history(ctx, t, f)
			continue
		}
		switch b.Header().Kind {
		case evidence.KindAlert:
			messages[b.Header().Params["message_sha256"]] = true
		case evidence.KindPlaybook:
			rec, err := playbooks.ReadRecord(ctx, b)
			if err != nil {
				t.Errorf("%s: %v", f.kase, err)
			} else if s := rec.Run().Status; s == playbooks.Succeeded || s == playbooks.WithGaps {
				runs++
			}
		default:
			code += w.judgeCode(ctx, t, b, *has.Configuration.CodeSha256)
		}
	}
	if runs != 1 || code == 0 || !maps.Equal(messages, f.messages) {
		t.Errorf("%s of %s: %d whole runs, %d times the code, %d of %d messages", f.kase, f.function, runs, code, len(messages), len(f.messages))
	}
}

// history tells who was at a case when, to find out how it came to be as it is.
func (w *world) history(ctx context.Context, t *testing.T, f *finding) {
	t.Helper()
	for _, prefix := range []string{"alerts/board/claims/" + respond.Claimed(f.kase) + "/", "alerts/" + f.kase + "/"} {
		pages := s3.NewListObjectsV2Paginator(w.s3(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			w.must(err)
			for _, o := range page.Contents {
				line := ""
				if strings.Contains(*o.Key, "/claims/") {
					out, err := w.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: o.Key})
					w.must(err)
					b, err := io.ReadAll(out.Body)
					w.must(err)
					line = string(b)
				}
				t.Logf("%s %s %s", o.LastModified.Format("15:04:05.000"), *o.Key, line)
			}
		}
	}
}

// judgeCode counts the code of the function in a bag.
func (w *world) judgeCode(ctx context.Context, t *testing.T, b *evidence.Bag, want string) (n int) {
	for it, err := range b.Items(ctx) {
		if err != nil {
			t.Error(err)
			return n
		}
		if it.Artefact != "lambda.code" {
			continue
		}
		r, err := b.Open(ctx, it)
		if err != nil {
			t.Error(err)
			return n
		}
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("bag %s: the code is %s, the function's %s", b.ID(), got, want)
			continue
		}
		n++
	}
	return n
}
