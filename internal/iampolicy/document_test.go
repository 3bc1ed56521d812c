package iampolicy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseRefusesWhatIAMRefuses(t *testing.T) {
	for _, doc := range []string{
		``, `[]`, `{}`, `{"Version":"2011-01-01","Statement":[]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Permit","Action":"*","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Effect":"Deny"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Surprise":1}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMaybe":{"a":"b"}}}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"eve","Action":"*"}]}`,
		`{"Version":"2012-10-17","Statement":"x"}` + strings.Repeat(" ", MaxSize),
	} {
		if _, err := Parse(doc); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.80s: %v", doc, err)
		}
	}
}

const two = `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunction","Resource":"r"},{"Sid":"b","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction",  "Resource":"r"}]}`

func TestEditingKeepsTheOtherStatementsByteForByte(t *testing.T) {
	d, err := Parse(two)
	if err != nil {
		t.Fatal(err)
	}
	if d.String() != two {
		t.Errorf("read and written: %s", d)
	}
	less := d.Without(func(s Statement) bool { return s.Sid == "a" })
	if !strings.Contains(less.String(), `"Action":"lambda:InvokeFunction",  "Resource":"r"`) || strings.Contains(less.String(), `"Sid":"a"`) {
		t.Errorf("without a: %s", less)
	}
	more, err := less.With(json.RawMessage(`{"Sid":"c","Effect":"Deny","Principal":"*","Action":"*","Resource":"r"}`))
	if err != nil || len(more.Statements) != 2 || len(less.Statements) != 1 {
		t.Errorf("with c: %s, %v", more, err)
	}
}

func TestExposure(t *testing.T) {
	for _, c := range []struct {
		statement string
		want      Reach
	}{
		{`"Principal":"*"`, Public},
		{`"Principal":{"AWS":"*"}`, Public},
		{`"Principal":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`, Public},
		{`"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abc"}}`, CrossAccount},
		{`"Principal":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abc"}}`, Public},
		{`"Principal":"*","Condition":{"StringNotEquals":{"aws:SourceAccount":"111111111111"}}`, Public},
		{`"Principal":"*","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}`, OwnerOnly},
		{`"Principal":"*","Condition":{"StringLike":{"aws:SourceAccount":"*"}}`, Public},
		{`"NotPrincipal":{"AWS":"arn:aws:iam::111111111111:root"}`, Public},
		{`"Principal":{"AWS":"arn:aws:iam::111111111111:root"}`, OwnerOnly},
		{`"Principal":{"AWS":["arn:aws:iam::111111111111:root","222222222222"]}`, CrossAccount},
		{`"Principal":{"AWS":"AROAEXAMPLE"}`, CrossAccount},
		{`"Principal":{"Service":"s3.amazonaws.com"}`, ServiceWithoutSource},
		{`"Principal":{"Service":"s3.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}`, ServiceWithSource},
		{`"Principal":{"Service":"s3.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}`, ServiceWithSource},
		{`"Principal":{"Service":"sns.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:sns:eu-west-1:222222222222:t"}}`, CrossAccount},
	} {
		d, err := Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"r",` + c.statement + `}]}`)
		if err != nil {
			t.Fatalf("%s: %v", c.statement, err)
		}
		if got := d.Statements[0].Expose("111111111111"); got.Reach != c.want {
			t.Errorf("%s: %s, want %s", c.statement, got.Reach, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(two)
	f.Add(`{"Statement":{"Effect":"Deny","NotAction":["a"],"NotResource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		d, err := Parse(doc)
		if err != nil {
			return
		}
		again, err := Parse(d.String())
		if err != nil || len(again.Statements) != len(d.Statements) {
			t.Fatalf("%q parses, but not as written again (%q): %v", doc, d, err)
		}
		Evaluate(Request{PrincipalARN: "arn:aws:iam::1:user/u", PrincipalAccount: "1", Action: "a:b", Resource: "*"}, Policies{Identity: []Document{d}, Resource: &d})
		for _, s := range d.Statements {
			s.Expose("1")
		}
	})
}
