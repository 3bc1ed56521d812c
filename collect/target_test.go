package collect

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	const acct, region = "123456789012", "eu-central-1"
	full := "arn:aws:lambda:eu-central-1:123456789012:function:payments"
	for _, c := range []struct {
		in, qualifier string
		err           error
	}{
		{"payments", "", nil},
		{"payments:live", "live", nil},
		{"payments:$LATEST", "$LATEST", nil},
		{"123456789012:function:payments", "", nil},
		{"123456789012:function:payments:7", "7", nil},
		{full, "", nil},
		{full + ":live", "live", nil},
		{"", "", ErrBadFunction},
		{"pay ments", "", ErrBadFunction},
		{"../payments", "", ErrBadFunction},
		{"payments:", "", ErrBadFunction},
		{"payments:a:b", "", ErrBadFunction},
		{"12345:function:payments", "", ErrBadFunction},
		{"arn:aws:s3:::bucket", "", ErrBadFunction},
		{"arn:aws:lambda:eu-central-1:123456789012:layer:x:1", "", ErrBadFunction},
		{"arn:aws:lambda:eu-central-1:12:function:payments", "", ErrBadFunction},
		{"arn:aws:lambda:us-east-1:123456789012:function:payments", "", ErrElsewhere},
		{"arn:aws:lambda:eu-central-1:999999999999:function:payments", "", ErrElsewhere},
		{"999999999999:function:payments", "", ErrElsewhere},
	} {
		got, err := ParseTarget(acct, region, c.in)
		if !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
			t.Errorf("%q: error %v, want %v", c.in, err, c.err)
			continue
		}
		if err == nil && (got.ARN != full || got.Qualifier != c.qualifier || got.Function != "payments" || got.Account != acct) {
			t.Errorf("%q: %+v", c.in, got)
		}
	}
	got, err := ParseTarget("", "cn-north-1", "f")
	if err != nil || got.ARN != "arn:aws-cn:lambda:cn-north-1::function:f" {
		t.Errorf("in China: %+v, %v", got, err)
	}
	_, err = ParseTarget(acct, region, "arn:aws:lambda:us-east-1:123456789012:function:payments")
	if e, ok := errors.AsType[*ElsewhereError](err); !ok || e.Named != "us-east-1" || e.Session != region || e.What != "region" {
		t.Errorf("wrong region: %v", err)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"payment", "payments", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzParseTarget: whatever is accepted is exactly one function of the session's
// own account and region, named by characters that mean nothing elsewhere.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"payments", "payments:live", "123456789012:function:p:$LATEST", "arn:aws:lambda:eu-central-1:123456789012:function:p:1", "arn:aws:lambda:::function:", "a:b:c:d:e:f:g:h", "\x1b[31m"} {
		f.Add(s)
	}
	whole := regexp.MustCompile(`^arn:aws:lambda:eu-central-1:123456789012:function:[a-zA-Z0-9_-]{1,64}$`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTarget("123456789012", "eu-central-1", s)
		if err != nil {
			if got != (Target{}) || !errors.Is(err, ErrBadFunction) && !errors.Is(err, ErrElsewhere) {
				t.Errorf("%q: %+v, %v", s, got, err)
			}
			return
		}
		if !whole.MatchString(got.ARN) || !strings.HasSuffix(got.ARN, ":"+got.Function) || got.Qualifier != "" && !strings.HasSuffix(s, ":"+got.Qualifier) {
			t.Errorf("%q: %+v", s, got)
		}
	})
}
