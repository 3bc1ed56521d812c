package lineage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// forms are records as AWS's documentation and published incidents show them, shortened.
const forms = `{"Records":[
{"eventTime":"2026-01-01T10:00:00Z","eventID":"login","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"Mozilla/5.0","eventType":"AwsConsoleSignIn","readOnly":false,"recipientAccountId":"713521355166","userIdentity":{"type":"IAMUser","principalId":"AIDAADMIN","arn":"arn:aws:iam::713521355166:user/adminprod","accountId":"713521355166","userName":"adminprod"},"requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"No"}},
{"eventTime":"2026-01-01T10:01:00Z","eventID":"old1","eventSource":"iam.amazonaws.com","eventName":"ListUsers","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"console.amazonaws.com","readOnly":true,"recipientAccountId":"713521355166","userIdentity":{"type":"IAMUser","principalId":"AIDAADMIN","arn":"arn:aws:iam::713521355166:user/adminprod","accountId":"713521355166","accessKeyId":"ASIAOLD1","userName":"adminprod","sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"creationDate":"2026-01-01T10:00:00Z","mfaAuthenticated":"false"}}},"requestParameters":null,"responseElements":null},
{"eventTime":"2026-01-01T10:02:00Z","eventID":"old2","eventSource":"iam.amazonaws.com","eventName":"ListRoles","awsRegion":"us-east-1","sourceIPAddress":"AWS Internal","userAgent":"AWS Internal","readOnly":true,"recipientAccountId":"713521355166","userIdentity":{"type":"IAMUser","principalId":"AIDAADMIN","arn":"arn:aws:iam::713521355166:user/adminprod","accountId":"713521355166","accessKeyId":"ASIAOLD2","userName":"adminprod","sessionContext":{"attributes":{"creationDate":"2026-01-01T10:00:00Z"}}},"requestParameters":null,"responseElements":null},
{"eventTime":"2026-01-01T10:05:00Z","eventID":"switch","eventSource":"signin.amazonaws.com","eventName":"SwitchRole","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"Mozilla/5.0","eventType":"AwsConsoleSignIn","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"AssumedRole","principalId":"AROASUPPORT:adminprod","arn":"arn:aws:sts::111122223333:assumed-role/SupportAWS/adminprod","accountId":"111122223333"},"requestParameters":null,"responseElements":{"SwitchRole":"Success"},"additionalEventData":{"SwitchFrom":"arn:aws:iam::713521355166:user/adminprod","RedirectTo":"https://us-east-1.console.aws.amazon.com/console/home"}},
{"eventTime":"2026-01-01T10:06:00Z","eventID":"made","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"Mozilla/5.0","readOnly":false,"recipientAccountId":"111122223333","sessionCredentialFromConsole":"true","userIdentity":{"type":"AssumedRole","principalId":"AROASUPPORT:adminprod","arn":"arn:aws:sts::111122223333:assumed-role/SupportAWS/adminprod","accountId":"111122223333","accessKeyId":"ASIACON1","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROASUPPORT","arn":"arn:aws:iam::111122223333:role/SupportAWS","accountId":"111122223333","userName":"SupportAWS"},"attributes":{"creationDate":"2026-01-01T10:05:01Z"}}},"requestParameters":{"userName":"supdev"},"responseElements":{"user":{"arn":"arn:aws:iam::111122223333:user/supdev","userName":"supdev","userId":"AIDASUP","path":"/"}}},
{"eventTime":"2026-01-01T11:00:00Z","eventID":"saml","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithSAML","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-sdk","readOnly":true,"recipientAccountId":"111122223333","userIdentity":{"type":"SAMLUser","principalId":"idp:bob","userName":"bob","identityProvider":"idp"},"requestParameters":{"sAMLAssertionID":"_x","roleArn":"arn:aws:iam::111122223333:role/Dev","principalArn":"arn:aws:iam::111122223333:saml-provider/Okta","roleSessionName":"bob"},"responseElements":{"credentials":{"accessKeyId":"ASIASAML","sessionToken":"secret-token"},"assumedRoleUser":{"assumedRoleId":"AROADEV:bob","arn":"arn:aws:sts::111122223333:assumed-role/Dev/bob"}}},
{"eventTime":"2026-01-01T11:01:00Z","eventID":"web","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.9","userAgent":"aws-sdk","readOnly":true,"recipientAccountId":"111122223333","userIdentity":{"type":"WebIdentityUser","principalId":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com:sts.amazonaws.com:repo:shop/payments","userName":"repo:shop/payments","identityProvider":"token.actions.githubusercontent.com"},"requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/Deploy","roleSessionName":"gh"},"responseElements":{"credentials":{"accessKeyId":"ASIAWEB","sessionToken":"secret-token"},"assumedRoleUser":{"assumedRoleId":"AROADEPLOY:gh","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/gh"}}},
{"eventTime":"2026-01-01T11:02:00Z","eventID":"samlwork","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-sdk","readOnly":true,"recipientAccountId":"111122223333","userIdentity":{"type":"AssumedRole","principalId":"AROADEV:bob","arn":"arn:aws:sts::111122223333:assumed-role/Dev/bob","accountId":"111122223333","accessKeyId":"ASIASAML","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROADEV","arn":"arn:aws:iam::111122223333:role/Dev","userName":"Dev"},"attributes":{"creationDate":"2026-01-01T11:00:00Z"},"sourceIdentity":"bob@shop.example"}},"requestParameters":null,"responseElements":null},
{"eventTime":"2026-01-01T12:00:00Z","eventID":"layer","eventSource":"lambda.amazonaws.com","eventName":"PublishLayerVersion20181031","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333","accessKeyId":"AKIAEVE","userName":"eve"},"requestParameters":{"layerName":"ext","content":{}},"responseElements":{"layerArn":"arn:aws:lambda:eu-west-1:111122223333:layer:ext","layerVersionArn":"arn:aws:lambda:eu-west-1:111122223333:layer:ext:7","version":7}},
{"eventTime":"2026-01-01T12:01:00Z","eventID":"unlayer","eventSource":"lambda.amazonaws.com","eventName":"DeleteLayerVersion20181031","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333","accessKeyId":"AKIAEVE","userName":"eve"},"requestParameters":{"layerName":"ext","versionNumber":7},"responseElements":null},
{"eventTime":"2026-01-01T12:02:00Z","eventID":"ownkey","eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333","accessKeyId":"AKIAEVE","userName":"eve"},"requestParameters":null,"responseElements":{"accessKey":{"accessKeyId":"AKIAEVE2","status":"Active","userName":"eve"}}},
{"eventTime":"2026-01-01T12:03:00Z","eventID":"off","eventSource":"iam.amazonaws.com","eventName":"UpdateAccessKey","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/admin","accountId":"111122223333","accessKeyId":"AKIAADM","userName":"admin"},"requestParameters":{"userName":"eve","accessKeyId":"AKIAEVE2","status":"Inactive"},"responseElements":null},
{"eventTime":"2026-01-01T12:04:00Z","eventID":"sched","eventSource":"scheduler.amazonaws.com","eventName":"CreateSchedule","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333","accessKeyId":"AKIAEVE","userName":"eve"},"requestParameters":{"name":"tick","target":{"arn":"arn:aws:lambda:eu-west-1:111122223333:function:f","roleArn":"arn:aws:iam::111122223333:role/r"}},"responseElements":{"scheduleArn":"arn:aws:scheduler:eu-west-1:111122223333:schedule/default/tick"}},
{"eventTime":"2026-01-01T12:05:00Z","eventID":"unsched","eventSource":"scheduler.amazonaws.com","eventName":"DeleteSchedule","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.8","userAgent":"aws-cli","readOnly":false,"recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333","accessKeyId":"AKIAEVE","userName":"eve"},"requestParameters":{"name":"tick","groupName":"default"},"responseElements":null}
]}`

// TestForms: sign-in, switching of roles, SAML and web identity, as AWS records them.
func TestForms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "forms.json")
	if err := os.WriteFile(path, []byte(forms), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := Trace(t.Context(), timeline.Options{}, timeline.Input{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ node, from, action, event string }{
		{"ASIAOLD1", "identity:arn:aws:iam::713521355166:user/adminprod", "signin:ConsoleLogin", "login"},
		{"ASIAOLD2", "identity:arn:aws:iam::713521355166:user/adminprod", "signin:ConsoleLogin", "login"},
		{"ASIACON1", "identity:arn:aws:iam::713521355166:user/adminprod", "signin:SwitchRole", "switch"},
		{"identity:arn:aws:iam::111122223333:user/supdev", "console:AROASUPPORT:adminprod@2026-01-01T10:05:01Z", "iam:CreateUser", "made"},
		{"ASIASAML", "identity:SAMLUser:/bob", "sts:AssumeRoleWithSAML", "saml"},
		{"ASIAWEB", "identity:WebIdentityUser:/repo:shop/payments", "sts:AssumeRoleWithWebIdentity", "web"},
	} {
		n := g.Node(c.node)
		if n == nil {
			t.Errorf("%s: no node", c.node)
			continue
		}
		e := g.OriginOf(n.ID)
		if e == nil || e.From != c.from || e.Action != c.action || len(e.Events) != 1 || e.Events[0] != c.event {
			t.Errorf("%s: %+v", c.node, e)
		}
	}
	for _, n := range g.Nodes {
		if strings.Contains(n.ID+n.Who+strings.Join(n.Keys, " "), "secret-token") {
			t.Errorf("a session token in %+v", n)
		}
	}
	ends := map[string]string{}
	for _, f := range g.Made {
		ends[f.Event] = f.Kind + " " + f.Name + " " + string(f.State) + " " + f.UndoneE
	}
	for event, want := range map[string]string{
		"layer": "layer-version layer/ext/version/7 undone unlayer", "ownkey": "access-key key/AKIAEVE2 disabled off",
		"sched": "schedule schedule/default/tick undone unsched", "made": "user user/supdev standing ",
	} {
		if ends[event] != want {
			t.Errorf("%s: %q, want %q", event, ends[event], want)
		}
	}
	t.Log("6 forms of origins, 4 of what was made, 0 skipped")
}
