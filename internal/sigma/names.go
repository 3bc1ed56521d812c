package sigma

import (
	"fmt"
	"slices"
)

// loggedAs are calls of Lambda that CloudTrail writes with the date of their API behind
// the name: a rule that looks for the bare name never hits.
var loggedAs = map[string]string{
	"GetPolicy": "20150331v2", "AddPermission": "20150331v2", "RemovePermission": "20150331v2", "UpdateFunctionCode": "20150331v2",
	"UpdateFunctionConfiguration": "20150331v2", "GetFunction": "20150331v2", "GetFunctionConfiguration": "20150331v2",
	"CreateFunction": "20150331", "DeleteFunction": "20150331", "CreateEventSourceMapping": "20150331", "UpdateEventSourceMapping": "20150331",
	"DeleteEventSourceMapping": "20150331", "CreateAlias": "20150331", "UpdateAlias": "20150331", "DeleteAlias": "20150331", "GetAlias": "20150331",
	"PublishVersion": "20150331", "ListFunctions": "20150331", "ListVersionsByFunction": "20150331",
	"PublishLayerVersion": "20181031", "DeleteLayerVersion": "20181031", "AddLayerVersionPermission": "20181031", "RemoveLayerVersionPermission": "20181031",
	"PutFunctionConcurrency": "20171031", "DeleteFunctionConcurrency": "20171031",
}

// ofOthers are names among them that other services have too.
var ofOthers = []string{"GetPolicy", "AddPermission", "RemovePermission", "CreateAlias", "UpdateAlias", "DeleteAlias", "GetAlias"}

// bareNames finds the calls that a selection looks for by a name under which they are
// never logged.
func bareNames(items []*expr) (all []string) {
	ofLambda := false
	for _, x := range items {
		ofLambda = ofLambda || x.op == opLeaf && x.leaf.field == "eventSource" && x.leaf.looksFor("lambda.amazonaws.com")
	}
	for _, x := range items {
		if x.op != opLeaf || x.leaf.field != "eventName" {
			continue
		}
		for name, suffix := range loggedAs {
			if x.leaf.looksFor(name) && !x.leaf.looksFor(name+suffix) && (ofLambda || !contains(ofOthers, name)) {
				all = append(all, fmt.Sprintf("CloudTrail logs %s as %s%s: use startswith, or '%s2*'", name, name, suffix, name))
			}
		}
	}
	slices.Sort(all)
	return all
}

func (l *leaf) looksFor(name string) bool {
	for _, alternatives := range l.tests {
		for _, t := range alternatives {
			x, ok := t.(*textTest)
			if !ok {
				continue
			}
			b := []byte(name)
			if !x.cased {
				b = fold(nil, b)
			}
			if x.glob.match(b) {
				return true
			}
		}
	}
	return false
}
