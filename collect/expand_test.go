package collect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func newExpander(t *testing.T) *expander {
	t.Helper()
	target, err := ParseTarget("123456789012", "eu-central-1", "payments")
	if err != nil {
		t.Fatal(err)
	}
	return &expander{
		bag: &evidence.Bag{}, targets: []Target{target}, functions: map[string]*Proposed{}, keys: map[string]*Proposed{}, seen: map[string]bool{},
		roles: map[string]evidence.Ref{}, layers: map[string]evidence.Ref{},
	}
}

// TestProposals: which names of a function count, and which are only noted.
func TestProposals(t *testing.T) {
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:"
	for name, want := range map[string]string{
		"other": arn + "other", "other:live": arn + "other", arn + "other:7": arn + "other", "123456789012:function:other": arn + "other",
		"payments": "", arn + "payments:live": "", "no name": "", "": "", "../etc": "",
		"arn:aws:lambda:us-east-1:123456789012:function:other":    "note",
		"arn:aws:lambda:eu-central-1:999988887777:function:other": "note",
	} {
		e := newExpander(t)
		e.propose(name, Reason{Kind: NamedIn, Detail: "somewhere"})
		e.propose(name, Reason{Kind: NamedIn, Detail: "somewhere"})
		got := ""
		for arn, p := range e.functions {
			got = arn
			if len(p.Reasons) != 1 || p.Target.Qualifier != "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if len(e.notes) == 1 {
			got = "note"
		}
		if got != want || len(e.notes) > 1 {
			t.Errorf("%q proposes %q, want %q (%q)", name, got, want, e.notes)
		}
	}
}

// TestProposalsAreBounded: what an attacker can multiply has an end.
func TestProposalsAreBounded(t *testing.T) {
	e := newExpander(t)
	for i := range 3 * maxProposals {
		name := fmt.Sprintf("f%d", i)
		for _, kind := range []WhyExpand{SameRole, NamedIn} {
			e.propose(name, Reason{Kind: kind, Detail: strings.Repeat("d", i)})
		}
		e.note("note %d", i)
	}
	x := e.proposal(20)
	if len(x.Functions) != 20 || len(x.Notes) != maxExpandNotes+1 || !e.full || len(x.Functions)+len(x.LeftOut) != len(e.functions) {
		t.Errorf("%d functions, %d left out of %d, %d notes", len(x.Functions), len(x.LeftOut), len(e.functions), len(x.Notes))
	}
	for _, p := range x.Functions {
		if len(p.Reasons) > maxExpandReasons || len(p.Why()) > maxExpandReasons*1200 {
			t.Errorf("%s has %d reasons", p.Name, len(p.Reasons))
		}
	}
}

// TestLayersOfAWS are shared by many, and say nothing.
func TestLayersOfAWS(t *testing.T) {
	e := newExpander(t)
	const insights, own = "arn:aws:lambda:eu-central-1:580247275435:layer:LambdaInsightsExtension:35", "arn:aws:lambda:eu-central-1:123456789012:layer:own:1"
	e.configuration([]byte(`{"Configuration":{"Role":"arn:r","Layers":[{"Arn":"`+insights+`"},{"Arn":"`+own+`"}]}}`), evidence.Ref{})
	for name, layer := range map[string]string{"a": insights, "b": own} {
		e.shares("arn:aws:lambda:eu-central-1:123456789012:function:"+name, "arn:other", []lambdatypes.Layer{{Arn: &layer}, {}})
	}
	if x := e.proposal(9); !slices.Equal(kindsOf(x.Functions), []string{"b same-layer"}) {
		t.Errorf("%q", kindsOf(x.Functions))
	}
}

// TestDeeds: which records are changes of a function, and of which.
func TestDeeds(t *testing.T) {
	for record, want := range map[string]string{
		`{"eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2","readOnly":false,"requestParameters":{"functionName":"f"}}`:                       "UpdateFunctionCode f",
		`{"eventSource":"lambda.amazonaws.com","eventName":"TagResource20170331v2","readOnly":"false","requestParameters":{"resource":"arn:f"}}`:                            "TagResource arn:f",
		`{"eventSource":"lambda.amazonaws.com","eventName":"DeleteEventSourceMapping20150331","requestParameters":{"uUID":"u"},"responseElements":{"functionArn":"arn:f"}}`: "DeleteEventSourceMapping arn:f",
		`{"eventSource":"lambda.amazonaws.com","eventName":"GetFunction20150331v2","readOnly":true,"requestParameters":{"functionName":"f"}}`:                               "",
		`{"eventSource":"lambda.amazonaws.com","eventName":"GetFunction20150331v2","readOnly":"true","requestParameters":{"functionName":"f"}}`:                             "",
		`{"eventSource":"lambda.amazonaws.com","eventName":"Invoke","readOnly":false,"requestParameters":{"functionName":"f"}}`:                                             "",
		`{"eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2","errorCode":"AccessDenied","requestParameters":{"functionName":"f"}}`:             "",
		`{"eventSource":"s3.amazonaws.com","eventName":"PutObject","requestParameters":{"functionName":"f"}}`:                                                               "",
		`{"eventSource":"lambda.amazonaws.com","eventName":"CreateCodeSigningConfig20200422","requestParameters":null,"responseElements":null}`:                             "",
		`{"eventSource":"lambda.amazonaws.com","eventName":"AddPermission20150331v2","requestParameters":{"functionName":"f"},"responseElements":"text"}`:                   "AddPermission f",
	} {
		var d deed
		_ = json.Unmarshal([]byte(record), &d)
		got := ""
		if name, ok := d.change(); ok {
			got = d.call() + " " + name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", record, got, want)
		}
	}
}
