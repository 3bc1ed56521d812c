package collect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// naming are the artefacts whose documents name functions beside the collected one, and in
// what part.
func naming() map[string]string {
	return map[string]string{
		"lambda.invoke-config":    "a destination of %s's results or failures",
		"lambda.mappings":         "named in an event source mapping of %s",
		"events.rule.targets":     "another target of a rule that calls %s",
		"pipes.pipe":              "in a pipe with %s",
		"scheduler.schedule":      "named in a schedule of %s",
		"sns.topic.subscriptions": "a subscriber of a topic around %s",
	}
}

// functionARN finds function ARNs in a document. It is JSON of AWS's own making: an ARN needs
// no escape in it. Free text of the account is found too; that is shown, and asked about.
var functionARN = regexp.MustCompile(`arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9-_]{1,64}(:[a-zA-Z0-9$_.-]+)?`)

// documents reads what the bag has of roles, layers and names, and notes what it lacks.
func (e *expander) documents(ctx context.Context, entries []evidence.Entry) error {
	looked := false
	for _, x := range entries {
		detail, names := naming()[x.Artefact]
		config, records := x.Artefact == "lambda.configuration", x.Artefact == "cloudtrail.lookup"
		looked = looked || records
		if !names && !config && !records {
			continue
		}
		if !x.State.Complete() {
			e.note("%s is %s: what it points to is not known", x.Artefact, x.State)
		}
		if records || x.Item == nil || x.Item.Sensitive { // a sealed one has a twin
			continue
		}
		data, err := e.read(ctx, *x.Item)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.note("%s cannot be read: %v", x.Artefact, err)
			continue
		}
		ref := e.bag.Ref(*x.Item)
		if config {
			e.configuration(data, ref)
			continue
		}
		for _, arn := range functionARN.FindAllString(string(data), maxProposals) {
			e.propose(arn, Reason{NamedIn, fmt.Sprintf(detail, e.names()) + ", " + x.Artefact, ref})
		}
	}
	if len(e.roles) == 0 {
		e.note("lambda.configuration is not in the bag: role and layers are not known")
	}
	if !looked {
		e.note("cloudtrail.lookup is not in the bag: who changed the function, and what else they did, is not known")
	}
	return nil
}

// names are the collected functions, for people.
func (e *expander) names() string {
	if n := len(e.targets); n > 1 {
		return fmt.Sprintf("%s and %d more", e.targets[0].Function, n-1)
	}
	return e.targets[0].Function
}

var errSealedHere = errors.New("it is sealed, and the identity of the case is not here")

func (e *expander) read(ctx context.Context, it evidence.Item) ([]byte, error) {
	r, err := e.bag.Open(ctx, it)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxRecalled))
	if err = errors.Join(err, r.Close()); err == nil && it.Sealed && !bytes.HasPrefix(data, []byte("{")) {
		err = errSealedHere
	}
	return data, err
}

// configuration takes role and layers of one version: another function may share them with any.
func (e *expander) configuration(data []byte, ref evidence.Ref) {
	var doc struct {
		Configuration struct {
			Role   string
			Layers []struct{ Arn string }
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		e.note("lambda.configuration cannot be read: %v", err)
		return
	}
	if role := doc.Configuration.Role; role != "" {
		e.roles[role] = ref
	}
	for _, l := range doc.Configuration.Layers {
		if !slices.Contains(awsLayerAccounts(), arnPart(l.Arn, 4)) {
			e.layers[l.Arn] = ref
		}
	}
}

// awsLayerAccounts publish AWS's own layers, which many functions share. The list is not whole
// (AWS uses an account per product, and some a region): a layer of one that is missing is
// proposed, and then a person decides. Sources: the layer ARNs in the documentation of Lambda
// Insights (first line) and of Powertools for AWS Lambda (Python, TypeScript).
func awsLayerAccounts() []string {
	return []string{
		"580247275435", "012438385374", "519774774795", "891564319516", "439286490199", "194566237122",
		"017000801446", "094274105915",
	}
}

// shares looks at one function of the region; only the configuration of its $LATEST is listed.
func (e *expander) shares(arn, role string, layers []lambdatypes.Layer) {
	if ref, same := e.roles[role]; same {
		e.propose(arn, Reason{SameRole, "runs with " + role, ref})
	}
	for _, l := range layers {
		if l.Arn == nil {
			continue
		}
		if ref, same := e.layers[*l.Arn]; same {
			e.propose(arn, Reason{SameLayer, "runs " + *l.Arn, ref})
		}
	}
}

// deed is the little of a CloudTrail record that tells who did what to which function.
type deed struct {
	EventSource, EventName, AWSRegion string
	ErrorCode                         string
	ReadOnly                          any // true, or "true"
	UserIdentity                      struct {
		Type, ARN, AccessKeyID string
		SessionContext         struct{ SessionIssuer struct{ ARN string } }
	}
	RequestParameters struct{ FunctionName, Resource, UserName, RoleArn string }
	ResponseElements  struct {
		FunctionArn string
		Credentials struct{ AccessKeyID string }
		AccessKey   struct{ AccessKeyID string }
	}
}

// change says whether the record is of a successful change of a function, and of which.
func (d deed) change() (function string, ok bool) {
	if d.EventSource != "lambda.amazonaws.com" || d.ErrorCode != "" || fmt.Sprint(d.ReadOnly) == "true" || strings.HasPrefix(d.EventName, "Invoke") {
		return "", false
	}
	for _, name := range []string{d.RequestParameters.FunctionName, d.RequestParameters.Resource, d.ResponseElements.FunctionArn} {
		if name != "" {
			return name, true
		}
	}
	return "", false
}

// call is the event's name without Lambda's date suffix.
func (d deed) call() string {
	name, _, _ := strings.Cut(d.EventName, "20")
	return name
}

// hands are who changed the collected functions: keys, and sessions of roles by their ARN.
type hands map[string]string // -> a change, in words

func (h hands) of(d deed) string {
	if did := h[d.UserIdentity.AccessKeyID]; did != "" {
		return did
	}
	return h[d.UserIdentity.ARN]
}

const maxHands = 1000

// records reads the looked-up pages twice: who changed the collected functions, and then what
// else they did.
func (e *expander) records(ctx context.Context, entries []evidence.Entry) error {
	who := hands{}
	err := e.eachDeed(ctx, entries, func(d deed, ref evidence.Ref) {
		name, ok := d.change()
		if !ok || !e.collected(name, d) || slices.Contains(e.ours, d.UserIdentity.ARN) {
			return
		}
		if len(who) >= maxHands {
			e.note("more than %d keys and sessions changed %s: the further ones are not followed", maxHands, e.names())
			return
		}
		did := d.call() + " of " + e.names()
		if key := d.UserIdentity.AccessKeyID; key != "" {
			who[key] = did
			e.proposeKey(key, Reason{KeyUsed, did + " by " + d.UserIdentity.ARN, ref})
		}
		if d.UserIdentity.Type == "AssumedRole" { // a user's name says nothing about the session
			who[d.UserIdentity.ARN] = did
		}
	})
	if err != nil {
		return err
	}
	return e.eachDeed(ctx, entries, func(d deed, ref evidence.Ref) { e.further(d, ref, who) })
}

// collected says whether a name in a record is one of the collected functions.
func (e *expander) collected(name string, d deed) bool {
	t, err := ParseTarget(e.targets[0].Account, d.AWSRegion, name)
	return err == nil && slices.ContainsFunc(e.targets, func(o Target) bool { return o.ARN == t.ARN })
}

// further proposes what a hand, or a session of the functions' role, did to other functions,
// and keys that it made or assumed.
func (e *expander) further(d deed, ref evidence.Ref, who hands) {
	by := d.UserIdentity.ARN
	as := who.of(d)
	if _, role := e.roles[d.UserIdentity.SessionContext.SessionIssuer.ARN]; as == "" && role {
		as = "with the role of " + e.names()
	}
	if as == "" || d.ErrorCode != "" {
		return
	}
	if name, ok := d.change(); ok {
		if d.AWSRegion != e.targets[0].Region {
			e.note("%s changed function %s in %s (%s), which is not looked at", by, name, d.AWSRegion, d.call())
			return
		}
		e.propose(name, Reason{SameHand, d.call() + " by " + by + " (" + as + ")", ref})
	}
	if key := d.ResponseElements.AccessKey.AccessKeyID; key != "" && d.EventName == "CreateAccessKey" {
		e.proposeKey(key, Reason{KeyMade, "for user " + d.RequestParameters.UserName + " by " + by, ref})
	}
	if key := d.ResponseElements.Credentials.AccessKeyID; key != "" {
		what := d.EventName
		if r := d.RequestParameters.RoleArn; r != "" {
			what += " of " + r
		}
		e.proposeKey(key, Reason{KeyAssumed, what + " by " + by, ref})
	}
}

// eachDeed yields the records of every looked-up page, as far as they can be read.
func (e *expander) eachDeed(ctx context.Context, entries []evidence.Entry, each func(deed, evidence.Ref)) error {
	for _, x := range entries {
		if x.Artefact != "cloudtrail.lookup" || x.Item == nil {
			continue
		}
		if err := e.pages(ctx, *x.Item, each); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.note("cloudtrail.lookup %s cannot be read: %v", x.Source.Qualifier, err)
		}
	}
	return nil
}

func (e *expander) pages(ctx context.Context, it evidence.Item, each func(deed, evidence.Ref)) error {
	r, err := e.bag.Open(ctx, it)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPage)
	for err == nil && lines.Scan() {
		var page struct {
			Events []struct{ CloudTrailEvent string }
		}
		if it.Sealed && !bytes.HasPrefix(lines.Bytes(), []byte("{")) {
			err = errSealedHere
			break
		}
		err = json.Unmarshal(lines.Bytes(), &page)
		for _, event := range page.Events {
			var d deed
			_ = json.Unmarshal([]byte(event.CloudTrailEvent), &d) // partial answers count too
			each(d, e.bag.Ref(it))
		}
	}
	return errors.Join(err, lines.Err(), r.Close())
}
