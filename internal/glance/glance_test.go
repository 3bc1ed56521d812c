package glance

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const fn = "arn:aws:lambda:eu-central-1:123456789012:function:payments"

func TestLook(t *testing.T) {
	v, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(artefact, qualifier, body string, d *evidence.Declared) {
		t.Helper()
		m := evidence.Meta{Artefact: artefact, Name: artefact + qualifier + ".json", Source: evidence.Source{ARN: fn, Qualifier: qualifier}, Declared: d}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	put("lambda.configuration", "1", `{"Configuration":{"Environment":{"Variables":{"STAGE":"[sealed:x]"}},"Layers":[{"Arn":"arn:aws:lambda:eu-central-1:123456789012:layer:own:1"}]}}`, nil)
	put("lambda.configuration", "$LATEST", `{"Configuration":{"Environment":{"Variables":{"STAGE":"[sealed:x]","NODE_OPTIONS":"[sealed:y]"}},"Layers":[{"Arn":"arn:aws:lambda:eu-central-1:999988887777:layer:evil:3"}],"DeadLetterConfig":{"TargetArn":"arn:aws:sqs:eu-central-1:999988887777:q"}}}`, nil)
	put("lambda.code", "$LATEST", "PK", &evidence.Declared{Algorithm: "sha256", Value: "other"})
	policy := `{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"},{\"Sid\":\"partner\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::999988887777:root\"},\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"},{\"Sid\":\"s3\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"s3.amazonaws.com\"},\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"},{\"Sid\":\"fine\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"sns.amazonaws.com\"},\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:sns:eu-central-1:123456789012:t\"}}}]}"}`
	put("lambda.policy", "", policy, nil)
	put("lambda.policy.resource", "", policy, nil) // the same document by the other call: told once
	put("lambda.urls", "", `{"FunctionUrlConfigs":[{"FunctionUrl":"https://x.lambda-url/","FunctionArn":"`+fn+`","AuthType":"NONE"},{"FunctionUrl":"https://y/","AuthType":"AWS_IAM"}]}`, nil)
	put("lambda.invoke-config", "", `{"FunctionEventInvokeConfigs":[{"FunctionArn":"`+fn+`:$LATEST","DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:eu-central-1:999988887777:q"},"OnSuccess":{}}}]}`, nil)
	for _, g := range []evidence.Gap{
		{Artefact: "logs.events", State: evidence.Denied, Call: "CloudWatchLogs:FilterLogEvents", Error: "AccessDeniedException: no"},
		{Artefact: "logs.events", Source: evidence.Source{ARN: "b"}, State: evidence.Denied, Call: "CloudWatchLogs:FilterLogEvents", Error: "AccessDeniedException: no, not there either"},
		{Artefact: "lambda.signing", State: evidence.Absent},
		{Artefact: "trigger.unresolved", Source: evidence.Source{ARN: fn}, State: evidence.Absent, Note: "every service is followed"},
		{Artefact: "trigger.unresolved", Source: evidence.Source{ARN: fn, Qualifier: "iot.amazonaws.com"}, State: evidence.NotCovered, Note: "a policy lets iot.amazonaws.com call"},
	} {
		if err := w.Gap(g); err != nil {
			t.Fatal(err)
		}
	}
	b, err := w.Seal(t.Context(), evidence.StatusPartial)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Look(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range g.Signs {
		got = append(got, s.Kind+" "+s.Qualifier+": "+s.What)
	}
	want := []string{
		"code-mismatch $LATEST: the bytes are not those of the hash that AWS declares",
		"foreign-grant : statement \"partner\" allows lambda:InvokeFunction to 999988887777",
		"foreign-grant : statement \"s3\" allows lambda:InvokeFunction to s3.amazonaws.com on anybody's behalf",
		"foreign-layer $LATEST: layer arn:aws:lambda:eu-central-1:999988887777:layer:evil:3 is of account 999988887777",
		"foreign-target $LATEST: failed events go to arn:aws:sqs:eu-central-1:999988887777:q",
		"foreign-target : on failure, events of " + fn + ":$LATEST go to arn:aws:sqs:eu-central-1:999988887777:q",
		"loader-key $LATEST: environment key NODE_OPTIONS can load a module first",
		"open-trigger iot.amazonaws.com: a policy lets iot.amazonaws.com call",
		"public-grant : function URL https://x.lambda-url/ of " + fn + " asks nobody who they are",
		"public-grant : statement \"open\" allows lambda:InvokeFunction to everyone",
	}
	if !slices.Equal(got, want) {
		t.Errorf("signs:\n%q\nwant\n%q", got, want)
	}
	if g.Versions != 2 || g.Artefacts != 7 || len(g.Missing) != 2 {
		t.Errorf("%d versions, %d artefacts, missing %+v", g.Versions, g.Artefacts, g.Missing)
	}
	if i := slices.IndexFunc(g.Missing, func(m Missing) bool { return m.State == evidence.Denied }); i < 0 || g.Missing[i].Count != 2 {
		t.Errorf("missing %+v", g.Missing)
	}
}
