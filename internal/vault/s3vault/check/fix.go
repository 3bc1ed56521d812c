package check

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// quote makes one word of a POSIX shell's command line of s.
func quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_@%+=:,./-", r)
	})
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// line is a command line of the AWS CLI, for the endpoint that is being checked.
func (p *probe) line(region, service, command string, args ...string) string {
	words := append([]string{"aws", service, command}, args...)
	if region != "" {
		words = append(words, "--region", region)
	}
	if p.endpoint != "" {
		words = append(words, "--endpoint-url", p.endpoint)
	}
	for i, w := range words {
		words[i] = quote(w)
	}
	return strings.Join(words, " ")
}

// s3api is a command about the bucket, which is to be the expected owner's.
func (p *probe) s3api(command string, args ...string) string {
	args = append([]string{"--bucket", p.in.Bucket}, args...)
	if p.in.Owner != "" {
		args = append(args, "--expected-bucket-owner", p.in.Owner)
	}
	return p.line(p.region, "s3api", command, args...)
}

// ask is the command that makes the call by hand, to see what it says.
func (p *probe) ask(service, op string) string {
	switch service {
	case "KMS":
		id, region := p.keyID()
		return p.line(region, "kms", kebab(op), "--key-id", id)
	case "CloudTrail":
		return p.line(p.region, "cloudtrail", "describe-trails")
	}
	if strings.HasSuffix(op, "Object") {
		return p.s3api("list-object-versions", "--prefix", p.prefix+canaryName)
	}
	return p.s3api(kebab(op))
}

// kebab is the AWS CLI's name of a call: GetBucketPolicy is get-bucket-policy.
func kebab(op string) string {
	var b strings.Builder
	for i, r := range op {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal string `json:",omitempty"`
	Action    []string
	Resource  []string
	Condition any `json:",omitempty"`
}

type document struct {
	Version   string
	Statement []statement
}

// allow is the command that gives the caller all that the check needs. One policy for
// everything: a user may have 2048 bytes of inline policies, and one for each call (each
// of which would have to be kept apart from the others) does not fit.
func (p *probe) allow() string {
	d := document{Version: "2012-10-17"}
	for _, n := range Needs(p.in) {
		for _, g := range n.IAM {
			resource := p.resource(g.Resource)
			i := slices.IndexFunc(d.Statement, func(s statement) bool { return s.Resource[0] == resource })
			if i < 0 {
				i = len(d.Statement)
				d.Statement = append(d.Statement, statement{Effect: "Allow", Resource: []string{resource}})
			}
			d.Statement[i].Action = append(d.Statement[i].Action, g.Action)
		}
	}
	command, flag, name := p.principal()
	return p.line("", "iam", command, flag, name, "--policy-name", "freezeframe-vault-check", "--policy-document", toJSON(d))
}

// resource is a Grant's, of the bucket at hand.
func (p *probe) resource(template string) string {
	switch template {
	case "trail ARN":
		return "*"
	case "key ARN":
		if id, _ := p.keyID(); strings.HasPrefix(id, "arn:") {
			return id
		}
		return "*"
	}
	return strings.Replace(template, "arn:aws:", "arn:"+p.partition()+":", 1)
}

// principal says whom to allow something; ROLE where the caller is not known.
func (p *probe) principal() (command, flag, name string) {
	a, err := arn.Parse(p.in.Caller)
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch {
	case err == nil && kind == "user":
		return "put-user-policy", "--user-name", rest[strings.LastIndexByte(rest, '/')+1:]
	case err == nil && kind == "assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		return "put-role-policy", "--role-name", role
	}
	return "put-role-policy", "--role-name", "ROLE"
}

// toJSON is compact and, as the AWS CLI wants it, without null members and escapes for HTML.
func toJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // structs of strings and numbers always marshal
	}
	return strings.TrimSpace(b.String())
}

// apiJSON is a document of SDK types in the API's names.
func apiJSON(v any) string {
	var tree any
	if err := json.Unmarshal([]byte(toJSON(v)), &tree); err != nil {
		panic(err) // what was just marshalled
	}
	return toJSON(withoutNulls(tree))
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if m == nil {
				delete(v, k)
				continue
			}
			v[k] = withoutNulls(m)
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}
