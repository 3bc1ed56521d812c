package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// environment is that of $LATEST, without a value: their MAC is taken under the key of a
// collection of this case, which is sealed like the values themselves. A plan is bound to them
// by it, and nobody without the case's identity can try guesses.
type environment struct {
	Names []string `json:"names,omitempty"` // sorted
	MAC   string   `json:"mac,omitempty"`   // HMAC-SHA256 of {"Variables":{...}}, hex
	Under string   `json:"under,omitempty"` // id of the sealed artefact that holds the key
	Busy  bool     `json:"busy,omitempty"`  // AWS is at work on it; not part of what is compared
}

const (
	docEnvironment  = "lambda.environment"
	actEnvironment  = "environment-back"
	partEnvironment = "good environment"
	keptEnvironment = "lambda.environment"
)

func environmentNeeds() []awsapi.Need {
	return []awsapi.Need{
		on("Lambda:GetFunctionConfiguration", "function ARN", false),
		on("Lambda:UpdateFunctionConfiguration", "function ARN", true),
	}
}

func environmentActs() []Act {
	back := Define(Doc[environment]{
		Name: docEnvironment, Needs: environmentNeeds(), Resource: functionARN,
		Read: readEnvironment, Hidden: hiddenVars, Equal: sameEnvironment,
		Settled: func(s environment) bool { return !s.Busy },
		Steps:   environmentSteps,
	}, Edit[environment]{
		Name:  actEnvironment,
		About: "put the environment of a collected good version (--good-version, or $LATEST as collected before the first suspected change) back as that of $LATEST; its values come out of the case's seal (--identity), and stand in no plan, journal or message",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1574.006", "T1574.007"},
		Rank:    rank(stageEvict + 2), // after the configuration, which has the key that the values lie under
		Answers: []Answer{{Kind: "function-configuration"}},
		Parts:   []string{partEnvironment}, Looks: []Part{goodEnvironmentLook()},
		Keys: func(s *Survey) []string {
			if g := Found[goodEnvironment](s, partEnvironment); !g.Held || g.Locked != "" || s.EnvError != "" {
				return nil
			}
			return []string{""}
		},
		Lacks: environmentLacks,
		Params: func(_ PlanInput, s *Survey) Params {
			g := Found[goodEnvironment](s, partEnvironment)
			b, err := canonical(g.State)
			if err != nil || !g.Held || g.Locked != "" {
				return nil
			}
			return Params{"environment": string(b), "from": g.From, "sealed_item": g.Item, "sealed_sha256": g.SHA256}
		},
		Apply: func(_ Place, before environment, params Params) (environment, error) {
			good, err := decode[environment](json.RawMessage(params["environment"]))
			if err != nil || sameEnvironment(before, good) {
				return before, err
			}
			return good, nil
		},
		Destroys: func(p Place, _ environment) []Artefact {
			return []Artefact{{Name: keptEnvironment, ARN: p.ARN, Qualifier: latestPlain}}
		},
		Breaks: func(s *Survey, before map[string]environment) []Impact {
			g := Found[goodEnvironment](s, partEnvironment)
			return []Impact{{What: "function", Resource: s.ARN, Detail: fmt.Sprintf("$LATEST sees the environment of %s: %s instead of %s", g.From, orNothing(g.Names), orNothing(before[""].Names))}}
		},
		Worth: func(*Survey) []string {
			return []string{
				"$LATEST only: published versions keep their environment, and environments that run keep theirs until they end",
				"what the values open has been seen: rotate it, and put the new values in afterwards",
			}
		},
		Fixture: Fixture{Kept: true, Collected: true, Good: "1"},
	})
	return append(back, variableActs()...)
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "no variables"
	}
	return strings.Join(names, ", ")
}

// goodEnvironment is the environment to go back to, as far as the case tells.
type goodEnvironment struct {
	Held         bool // the case holds it
	State        environment
	Names        []string
	From         string // "version 2", "$LATEST of collection ..."
	Item, SHA256 string // of the sealed artefact, as it is stored
	Locked       string // why it cannot be opened here
}

func goodEnvironmentLook() Part {
	return Look(Part{Name: partEnvironment}, goodEnvironmentOf, nil)
}

func environmentLacks(s *Survey) string {
	g := Found[goodEnvironment](s, partEnvironment)
	switch {
	case g.Locked != "":
		return g.Locked
	case g.Held && s.EnvError != "":
		return "the environment of now cannot be decrypted (" + s.EnvError + "), and what cannot be read is not overwritten: give whoever contains kms:Decrypt and kms:Encrypt on " + first(s.KMSKey, "its key") + ", and plan again"
	case g.Held || !slices.Contains(s.in.Acts, actEnvironment):
		return "" // what configuration-back leaves alone is said there
	}
	return "the case holds no good environment: --good-version N with a version that was collected, or a finding and a collection of $LATEST from before it (freezeframe collect --function " + s.Function + ")"
}

// goodEnvironmentOf finds it in the case, and opens it if it can.
func goodEnvironmentOf(ctx context.Context, _ aws.Config, s *Survey) (g goodEnvironment, err error) {
	version, before := s.goodVersion(), firstChange(s.in.Findings, s.ARN)
	if s.in.Case == nil || version == "" && before.IsZero() {
		return g, nil
	}
	want := func(e evidence.Entry) bool {
		switch {
		case e.Artefact != keptEnvironment || e.Source.ARN != s.ARN || e.Source.Qualifier != first(version, latestPlain):
			return false
		case e.State == evidence.Absent && e.Gap != nil:
			return version != "" || e.Gap.At.Before(before)
		}
		return e.State == evidence.Collected && e.Item != nil && e.Item.Sensitive && (version != "" || e.Item.Started.Before(before))
	}
	for f, err := range s.in.Case.Find(ctx, want) {
		if err != nil {
			return g, fmt.Errorf("looking for the environment in the case: %w", err)
		}
		g.Held, g.From = true, "version "+version
		if version == "" {
			g.From = "$LATEST of collection " + f.Bag.ID()
		}
		return g, g.unlock(ctx, s, f)
	}
	return g, nil
}

// unlock opens what the case holds; that it stays shut is no error, and is said.
func (g *goodEnvironment) unlock(ctx context.Context, s *Survey, f evidence.Found) (err error) {
	k, plain := keeperOf(ctx), []byte(`{"Variables":{}}`)
	if it := f.Entry.Item; it != nil {
		g.Item, g.SHA256 = it.ID, it.SHA256
		if g.Names, err = twinNames(ctx, f); err != nil {
			return err
		}
		if plain, _, err = k.recall(ctx, sealedItem{f.Bag, *it}); err != nil {
			g.lock(s, err)
			return nil
		}
	}
	key, under, err := k.macKey(ctx, keptEnvironment, s.ARN, "")
	if err != nil {
		g.lock(s, err)
		return nil
	}
	vars, err := varsOf(plain)
	if err != nil {
		return err
	}
	if plain, err = plainVars(vars); err != nil {
		return err
	}
	g.Names = sortedKeys(vars)
	g.State = environment{Names: g.Names, MAC: macOf(key, plain), Under: under}
	return nil
}

func (g *goodEnvironment) lock(s *Survey, err error) {
	g.Locked = fmt.Sprintf("the values of %s are sealed in the case (%s of %s) and cannot be opened here (%v): freezeframe contain plan --identity FILE, with the identity that this case's secrets are sealed to; without it variables-remove takes away what was added", g.From, keptEnvironment, s.Function, err)
}

// twinNames are the names of the variables, by the redacted twin of the sealed artefact.
func twinNames(ctx context.Context, f evidence.Found) ([]string, error) {
	for it, err := range f.Bag.Items(ctx) {
		if err != nil {
			return nil, fmt.Errorf("looking for the redacted environment: %w", err)
		}
		if it.ID != f.Entry.Item.Twin {
			continue
		}
		var doc struct{ Variables map[string]any }
		twin := f
		twin.Entry.Item = &it
		err := readKept(ctx, twin, &doc)
		return sortedKeys(doc.Variables), err
	}
	return nil, nil
}

func sameEnvironment(a, b environment) bool {
	return slices.Equal(a.Names, b.Names) && a.MAC == b.MAC && a.Under == b.Under
}

// wholeEnvironment is what a write is made from: it is held in memory alone.
type wholeEnvironment struct {
	Revision  string
	Variables map[string]string
	busy      bool
}

func currentEnvironment(ctx context.Context, cfg aws.Config, p Place) (w wholeEnvironment, err error) {
	out, err := lambdaClient(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return w, err
	}
	w.Revision, w.Variables = aws.ToString(out.RevisionId), map[string]string{}
	w.busy = busy(&lambdatypes.FunctionConfiguration{State: out.State, LastUpdateStatus: out.LastUpdateStatus})
	if e := out.Environment; e != nil {
		if e.Error != nil { // unreadable is not empty
			return w, fmt.Errorf("the environment cannot be decrypted: %s", first(aws.ToString(e.Error.ErrorCode), "unknown"))
		}
		if e.Variables != nil {
			w.Variables = e.Variables
		}
	}
	return w, nil
}

func (w wholeEnvironment) token() (Token, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return "", errors.New("the environment cannot be encoded")
	}
	return Token(b), nil
}

func wholeOf(tok Token) (w wholeEnvironment, err error) {
	if json.Unmarshal([]byte(tok), &w) != nil {
		return w, fmt.Errorf("%w: the environment was not read", errNotKept)
	}
	return w, nil
}

func hiddenVars(tok Token) ([]byte, error) {
	w, err := wholeOf(tok)
	if err != nil {
		return nil, err
	}
	return plainVars(w.Variables)
}

func readEnvironment(ctx context.Context, cfg aws.Config, p Place) (environment, Token, error) {
	w, err := currentEnvironment(ctx, cfg, p)
	if err != nil {
		return environment{}, "", err
	}
	key, under, err := keeperOf(ctx).macKey(ctx, keptEnvironment, p.ARN, like[environment](ctx).Under)
	if err != nil {
		return environment{}, "", fmt.Errorf("the values cannot be compared without the identity that opens this case's secrets (--identity FILE): %w", err)
	}
	plain, err := plainVars(w.Variables)
	if err != nil {
		return environment{}, "", err
	}
	tok, err := w.token()
	return environment{sortedKeys(w.Variables), macOf(key, plain), under, w.busy}, tok, err
}

// environmentSteps shows names, and what stands for the values.
func environmentSteps(p Place, _, to environment, tok Token) []Step {
	return []Step{putVariables(p, to.Names, "of the case, with MAC "+to.MAC, func(ctx context.Context) (wholeEnvironment, error) {
		w, err := wholeOf(tok)
		if err == nil {
			w.Variables, err = valuesOf(ctx, p, to)
		}
		return w, err
	})}
}

// valuesOf finds the values of a state in the case: collected, or replaced by a write.
func valuesOf(ctx context.Context, p Place, to environment) (map[string]string, error) {
	k := keeperOf(ctx)
	key, _, err := k.macKey(ctx, keptEnvironment, p.ARN, to.Under)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotKept, err)
	}
	plain, err := k.replaced(ctx, docEnvironment, p.ARN, func(from json.RawMessage) bool {
		was, err := decode[environment](from)
		return err == nil && sameEnvironment(was, to)
	})
	if err == nil && macOf(key, plain) == to.MAC {
		return varsOf(plain)
	}
	all, err := k.sealed(ctx, keptEnvironment, p.ARN)
	for _, s := range all {
		plain, _, failed := k.recall(ctx, s)
		if failed != nil {
			continue
		}
		vars, failed := varsOf(plain)
		if failed != nil {
			continue
		}
		if plain, failed = plainVars(vars); failed == nil && macOf(key, plain) == to.MAC {
			return vars, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the values of %s: %w", orNothing(to.Names), errNotKept), err)
}

// putVariables is a write of the whole environment. What it sends is asked for when it is made.
func putVariables(p Place, names []string, stands string, with func(context.Context) (wholeEnvironment, error)) Step {
	shown := map[string]string{}
	for _, n := range names {
		shown[n] = "sealed"
	}
	return Step{"Lambda:UpdateFunctionConfiguration", map[string]any{"FunctionName": p.Function, "Environment": map[string]any{"Variables": shown, "Values": stands}}, func(ctx context.Context, cfg aws.Config) error {
		w, err := with(ctx)
		if err != nil {
			return err
		}
		_, err = lambdaClient(cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(p.Function), RevisionId: orNil(w.Revision), Environment: &lambdatypes.Environment{Variables: w.Variables}})
		return mute(err)
	}}
}

// muted is an error of AWS without its text.
type muted struct {
	smithy.GenericAPIError
	status int
}

// HTTPStatusCode is that of the answer, 0 if there was none.
func (m *muted) HTTPStatusCode() int { return m.status }

// mute leaves out AWS's text, which can repeat what was sent: that of an environment that is
// too large does.
func mute(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	m := &muted{GenericAPIError: smithy.GenericAPIError{Code: api.ErrorCode(), Message: "(AWS's words are left out: they can repeat the values)", Fault: api.ErrorFault()}}
	if re, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		m.status = re.HTTPStatusCode()
	}
	return m
}
