package timeline

import "slices"

// What a call named is kept in the words of the record, so that creating and deleting can
// be paired, and keys joined to the calls that issued them: names and identifiers, and
// policy documents for whom they admit. Values of anything else (environments, tags,
// payloads) never are.

const (
	maxNamed     = 24  // pairs of one event
	maxNamedText = 512 // bytes of a value
	maxNamedDeep = 5
)

// nameKeys are the members that name something, sorted.
func nameKeys() []string {
	return []string{
		"SwitchFrom", "accessKeyId", "aliasName", "apiId", "arn", "assumeRolePolicyDocument", "assumedRoleId", "bucketName", "dBSnapshotIdentifier", "eventBusName",
		"eventSourceArn", "federatedUserId", "filterName", "functionArn", "functionName", "functionUrl", "functionVersion", "grantId",
		"groupId", "groupName", "imageId", "instanceId", "instanceProfileName", "keyId", "keyName", "layerName", "layerVersionArn",
		"logGroupName", "name", "openIDConnectProviderArn", "policyArn", "policyDocument", "policyName", "profileArn", "profileId",
		"resourceArn", "resourceId", "roleArn", "roleName", "roleSessionName", "rule", "sAMLProviderArn", "scheduleArn", "secretId", "serialNumber",
		"snapshotId", "sourceIdentity", "stateMachineArn", "statementId", "status", "subscriptionArn", "target", "topicArn", "trailARN",
		"trailName", "trustAnchorArn", "trustAnchorId", "uUID", "userId", "userName", "uuid", "version", "versionId", "versionNumber",
	}
}

// namers is nameKeys for looking up.
func namers() map[string]bool {
	m := map[string]bool{}
	for _, k := range nameKeys() {
		m[k] = true
	}
	return m
}

// issuing says whether an event is kept with what it named: not calls that only read, but
// for those that hand out credentials.
func issuing(e *Event) bool {
	return !e.ReadOnly || e.Service == "sts" || e.Service == "signin"
}

func (t *trailReader) named() {
	if t.out == nil || !t.out.o.Names || !issuing(&t.ev) {
		return
	}
	if t.names == nil {
		t.names = namers()
	}
	for _, part := range []struct {
		prefix string
		body   []byte
	}{{"request", t.raw.request}, {"response", t.raw.response}, {"additional", t.raw.additional}} {
		if len(part.body) == 0 || part.body[0] != '{' {
			continue
		}
		s := scan{b: part.body}
		_ = t.namesIn(&s, part.prefix, 0) // the grammar was checked: an error ends the walk
	}
}

// namesIn walks an object. Secrets stand in credentials beside the key's id; only the id is a name.
func (t *trailReader) namesIn(s *scan, path string, deep int) error {
	return s.object(func(key []byte) error {
		k := string(key)
		switch c := s.peek(); {
		case len(t.ev.Named) >= maxNamed:
			return s.skip()
		case k == "environment" || k == "tags":
			return s.skip()
		case c == '{' && deep < maxNamedDeep:
			return t.namesIn(s, path+"."+k, deep+1)
		case c == '[' && deep < maxNamedDeep:
			return s.array(func() error {
				if s.peek() == '{' {
					return t.namesIn(s, path+"."+k, deep+1)
				}
				return s.skip()
			})
		case c == '"' && t.names[k]:
			var v string
			err := t.text(s, &v)
			t.name(path, k, v)
			return err
		case c >= '0' && c <= '9' && t.names[k]: // the versions of layers are numbers
			n, err := s.number()
			t.name(path, k, string(n))
			return err
		}
		return s.skip()
	})
}

func (t *trailReader) name(path, key, v string) {
	if v != "" {
		t.ev.Named = append(t.ev.Named, path+"."+key+"="+cut(v, namedLimit(key)))
	}
}

func namedLimit(key string) int {
	if slices.Contains([]string{"policyDocument", "assumeRolePolicyDocument"}, key) {
		return MaxField
	}
	return maxNamedText
}

// Name is the value that a call named by the first of the paths that it has:
// e.Name("request.rule", "request.name").
func (e *Event) Name(paths ...string) string {
	for _, p := range paths {
		for _, n := range e.Named {
			if len(n) > len(p) && n[len(p)] == '=' && n[:len(p)] == p {
				return n[len(p)+1:]
			}
		}
	}
	return ""
}

// Names are all values of a path.
func (e *Event) Names(path string) []string {
	var all []string
	for _, n := range e.Named {
		if len(n) > len(path) && n[len(path)] == '=' && n[:len(path)] == path {
			all = append(all, n[len(path)+1:])
		}
	}
	return all
}
