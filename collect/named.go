package collect

import (
	"net/url"
	"regexp"
	"slices"
	"sync"
)

// namedBook gathers the ARNs of secrets and parameters that policies name, while they come in.
type namedBook struct {
	mu   sync.Mutex
	list nameList
}

// read takes them out of a policy document, percent-encoded as IAM gives it or as it is kept
// in a case; had is false where there should be one and it could not be had.
func (b *namedBook) read(had bool, document func() *string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !had {
		b.list.known = false
		return
	}
	doc := document()
	if doc == nil {
		b.list.known = false
		return
	}
	text, err := url.PathUnescape(*doc)
	if err != nil {
		text = *doc
	}
	for _, arn := range storedSecrets(text) {
		if !slices.Contains(b.list.names, arn) {
			b.list.names = append(b.list.names, arn)
		}
	}
}

// storedSecrets are the ARNs of Secrets Manager's secrets and of parameters that a text
// names, patterns of policies too, each once.
func storedSecrets(text string) []string {
	found := regexp.MustCompile(`arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9*-]*:[0-9*]*:secret:[A-Za-z0-9/_+=.@*?-]+|ssm:[a-z0-9*-]*:[0-9*]*:parameter/[A-Za-z0-9/_.*?-]+)`).FindAllString(text, 1000)
	slices.Sort(found)
	return slices.Compact(found)
}
