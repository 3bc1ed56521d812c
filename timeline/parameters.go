package timeline

import (
	"bytes"
	"strconv"
	"strings"
)

// parameters takes from request and response what tells who was touched and what changed.
func (t *trailReader) parameters() {
	t.each(t.raw.request, false)
	t.each(t.raw.response, true)
	e := &t.ev
	for _, r := range e.Resources {
		if e.Function == "" && strings.Contains(r, ":function:") {
			t.setFunction(r)
		}
	}
	if e.Service == "iam" || e.Service == "sts" {
		t.roleOfCall()
	}
	t.named()
}

// each walks the members of an object; request and response were checked when skipped.
func (t *trailReader) each(b []byte, response bool) {
	if len(b) == 0 || b[0] != '{' {
		return
	}
	t.part = scan{b: b}
	s := &t.part
	// The grammar was checked: an error here can only be one of nesting, and ends the walk.
	if response {
		_ = s.object(func(key []byte) error { return t.responseMember(s, key) })
	} else {
		_ = s.object(func(key []byte) error { return t.requestMember(s, key) })
	}
}

func (t *trailReader) requestMember(s *scan, key []byte) error {
	e := &t.ev
	var v string
	switch string(key) {
	case "functionName", "FunctionName":
		err := t.text(s, &v)
		if v != "" {
			t.setFunction(v)
		}
		return err
	case "resource", "resourceArn", "resourceARN":
		err := t.text(s, &v)
		if strings.HasPrefix(v, "arn:") {
			e.addResource(v)
			t.setFunction(v)
		}
		return err
	case "qualifier":
		return t.text(s, &e.Qualifier)
	case "principal":
		return t.grantee(s)
	case "action":
		return t.text(s, &e.Change.Allows)
	case "statementId":
		return t.text(s, &e.Change.Sid)
	case "authType":
		return t.text(s, &e.Change.AuthType)
	case "role":
		return t.text(s, &e.Change.Role)
	case "policyName", "policyArn":
		return t.text(s, &e.Change.Policy)
	case "layers":
		return t.layers(s)
	case "reservedConcurrentExecutions":
		return t.setting(s, "ReservedConcurrentExecutions")
	case "dryRun":
		if s.peek() != 't' {
			return s.skip()
		}
		return t.setting(s, "DryRun")
	case "enabled":
		return t.setting(s, "Enabled")
	case "bucketName", "roleName", "userName", "roleArn", "secretId", "tableName", "keyId", "logGroupName",
		"layerName", "queueUrl", "topicArn", "instanceId", "uUID", "uuid", "groupName", "trailName", "name":
		return t.resource(s, key)
	}
	return s.skip()
}

// setFunction is Event.setFunction, with an ARN that is good until the next record is parsed.
func (t *trailReader) setFunction(v string) {
	_, name, qualifier := splitFunction(v)
	if e := &t.ev; e.nameless(v, name) {
		at := len(t.decoded)
		t.decoded = e.appendARN(t.decoded, name)
		if v = view(t.decoded[at:]); qualifier != "" {
			e.Qualifier = qualifier
		}
		if strings.IndexByte(e.Region, ':') < 0 && strings.IndexByte(e.Account, ':') < 0 { // then its parts are known
			if e.Function == "" || e.Function == name {
				e.Function = v
			}
			return
		}
	}
	t.ev.setFunction(v)
}

// resource keeps a parameter that names a resource.
func (t *trailReader) resource(s *scan, key []byte) error {
	var v string
	err := t.text(s, &v)
	t.ev.addResource(v)
	if string(key) == "roleArn" || string(key) == "roleName" {
		t.ev.Change.Role = v
	}
	return err
}

// grantee reads the principal of AddPermission: a string, or {"AWS": "..."}.
func (t *trailReader) grantee(s *scan) error {
	if s.peek() == '{' {
		return s.object(func([]byte) error { return t.text(s, &t.ev.Change.Grantee) })
	}
	return t.text(s, &t.ev.Change.Grantee)
}

func (t *trailReader) layers(s *scan) error {
	if s.peek() != '[' {
		return s.skip()
	}
	var all []string
	err := s.array(func() error {
		var arn string
		take := func() error { return t.text(s, &arn) }
		if s.peek() == '{' {
			take = func() error {
				return s.object(func(k []byte) error { return t.textIf(s, k, "arn", &arn) })
			}
		}
		err := take()
		if arn != "" && len(all) < maxResources {
			all = append(all, arn)
		}
		return err
	})
	t.ev.Change.Layers = cut(strings.Join(all, ","), MaxField)
	return err
}

// setting keeps a scalar as "name=value".
func (t *trailReader) setting(s *scan, name string) error {
	s.peek()
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	v := string(bytes.Trim(s.b[start:min(s.i, start+64)], `"`))
	if n, err := strconv.Atoi(v); err == nil {
		v = strconv.Itoa(n)
	}
	t.ev.Change.Setting = name + "=" + v
	return nil
}

func (t *trailReader) responseMember(s *scan, key []byte) error {
	c := &t.ev.Change
	var v string
	switch string(key) {
	case "functionArn":
		err := t.text(s, &v)
		t.setFunction(v)
		return err
	case "codeSha256":
		return t.text(s, &c.CodeHash)
	case "version":
		return t.text(s, &c.Version)
	case "role":
		if s.peek() != '"' { // CreateRole answers with an object
			return s.skip()
		}
		return t.text(s, &c.Role)
	case "functionUrl":
		return t.text(s, &c.URL)
	case "authType":
		return t.text(s, &c.AuthType)
	case "layers":
		return t.layers(s)
	case "credentials", "accessKey":
		return s.objectOr(func(k []byte) error { return t.textIf(s, k, "accessKeyId", &c.NewKey) })
	case "ConsoleLogin":
		err := t.text(s, &v)
		t.raw.loginResult = v == "Failure"
		return err
	}
	return s.skip()
}

// roleOfCall: IAM's role calls name the role only; a full ARN makes it comparable.
func (t *trailReader) roleOfCall() {
	e := &t.ev
	if r := e.Change.Role; r != "" && !strings.HasPrefix(r, "arn:") && e.Account != "" && !strings.ContainsAny(r, ":/ ") {
		e.Change.Role = "arn:" + partitionOf(e.Region) + ":iam::" + e.Account + ":role/" + r
	}
}

// grants tags what admits others, and what hands out credentials.
func grants(e *Event) {
	if e.Outcome != Success {
		return
	}
	c := &e.Change
	switch e.Service + ":" + e.Action {
	case "lambda:AddPermission":
		e.Tag(TagGrant)
		if c.Grantee == "*" {
			e.Tag(TagPublicGrant)
		}
	case "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig":
		e.Tag(TagURL)
		if c.AuthType == "NONE" {
			e.Tag(TagPublicGrant)
		}
	}
	if c.NewKey != "" {
		e.Tag(TagNewKey)
	}
}

// appendMessage appends one line for people: who did what to what, from where, and what came of it.
func appendMessage(b []byte, e *Event) []byte {
	b = e.Principal.append(b)
	if e.Outcome == Success {
		b = append(b, " called "...)
	} else {
		b = append(b, " tried "...)
	}
	b = append(append(append(b, e.Service...), ':'), e.Action...)
	if w := whatOf(e); w != "" {
		b = append(append(b, " on "...), w...)
	}
	if d := changeText(e); d != "" {
		b = append(append(append(b, " ("...), d...), ')')
	}
	if e.Address != "" {
		b = append(append(b, " from "...), e.Address...)
	}
	if e.Outcome != Success {
		b = append(append(b, ": "...), e.Outcome...)
		if e.ErrorCode != "" {
			b = append(append(append(b, " ("...), e.ErrorCode...), ')')
		}
	}
	return b
}

// whatOf is what was acted on, short.
func whatOf(e *Event) string {
	if e.Function != "" {
		w := functionName(e.Function)
		if e.Qualifier != "" {
			w += ":" + e.Qualifier
		}
		return w
	}
	if len(e.Resources) > 0 {
		return e.Resources[0]
	}
	return ""
}

// changeText is what the call changed, in the order of interest.
func changeText(e *Event) string {
	c := &e.Change
	if e.Outcome != Success && e.Kind == KindCloudTrail {
		return ""
	}
	var parts []string
	add := func(label, v string) {
		if v != "" {
			parts = append(parts, label+v)
		}
	}
	if c.WasHash != "" {
		parts = append(parts, "code "+c.WasHash+" -> "+c.CodeHash)
	} else {
		add("code ", c.CodeHash)
	}
	add("version ", c.Version)
	add("layers ", c.Layers)
	if c.Grantee != "" {
		parts = append(parts, c.Allows+" to "+c.Grantee)
	}
	add("policy ", c.Policy)
	add("auth ", c.AuthType)
	add("url ", c.URL)
	add("", c.Setting)
	add("issued key ", c.NewKey)
	return strings.Join(parts, ", ")
}
