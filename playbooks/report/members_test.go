package report

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestMembers: each value of a document has its name, documents in texts are taken apart, and
// what looks like a secret by its form or its name is masked; what is none stays.
func TestMembers(t *testing.T) {
	list := func(doc string) (out []string, err error) {
		err = readMembers(strings.NewReader(doc), func(m Member) error { out = append(out, m.Name+" = "+m.Value); return nil })
		return out, err
	}
	for doc, want := range map[string][]string{
		`{"a":{"b":["x",1,true,null,{}],"c":[]}}`:                          {"a.b[0] = x", "a.b[1] = 1", "a.b[2] = true", "a.b[4] = {}", "a.c = []"},
		"\n {\"a\":1}\n{\"a\":2}\n":                                        {"a = 1", "a = 2"},
		`{"Policy":"{\"Statement\":[{\"Sid\":\"open\"}]}"}`:                {"Policy.Statement[0].Sid = open"},
		`{"Policy":"{\"Statement\":"}`:                                     {`Policy = {"Statement":`},
		`{"Environment":{"Variables":{"A":"[sealed:x]"}}}`:                 {"Environment.Variables.A = [sealed:x]"},
		`{"Configuration":{"Environment":{"Variables":{"A":"in clear"}}}}`: {"Configuration.Environment.Variables.A = [masked]"},
		`{"ClientSecret":"swordfish","SecretArn":"arn:aws:secretsmanager:x","NextToken":"abcdefgh","Pwd":"/var/task","AuthType":"AWS_IAM"}`: {
			"ClientSecret = [masked]", "SecretArn = arn:aws:secretsmanager:x", "NextToken = abcdefgh", "Pwd = /var/task", "AuthType = AWS_IAM"},
		`{"Tags":[{"Key":"db-password","Value":"swordfish"},{"Key":"team","Value":"payments"}]}`: {"Tags[0].Key = db-password", "Tags[0].Value = [masked]", "Tags[1].Key = team", "Tags[1].Value = payments"},
		`{"HeaderName":"X-Api-Key","HeaderValue":"swordfish"}`:                                   {"HeaderName = X-Api-Key", "HeaderValue = [masked]"},
		`{"Input":"{\"password\":\"swordfish\"}"}`:                                               {"Input.password = [masked]"},
		`{"Note":"key wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE09 x"}`:                              {"Note = key [masked] x"},
		``: nil,
	} {
		if got, err := list(doc); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", doc, got, err, want)
		}
	}
	for doc, says := range map[string]string{
		"PK\x03\x04": "not JSON", `{"a":`: "EOF", `{"a":1`: "EOF", strings.Repeat("[", 1<<20): "deep", `{"a":` + strings.Repeat(`{"a":`, 1<<20): "deep",
	} {
		if got, err := list(doc); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %q, %v; want %q", doc, got, err, says)
		}
	}
	for _, deep := range []string{strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat("{'a':", 60) + "1" + strings.Repeat("}", 60)} {
		if got, err := list(`{"a":"` + strings.ReplaceAll(deep, "'", `\"`) + `","b":1}`); err != nil || !slices.Equal(got, []string{"a = " + strings.ReplaceAll(deep, "'", `"`), "b = 1"}) {
			t.Errorf("a text that is deep: %q, %v", got, err)
		}
	}
	if err := readMembers(strings.NewReader(`{"a":1,"b":2}`), func(Member) error { return errEnoughMembers }); !errors.Is(err, errEnoughMembers) {
		t.Errorf("enough is not enough: %v", err)
	}
}
