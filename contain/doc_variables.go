package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// variables are the names in the environment of $LATEST. To take some away nobody has to
// know a value: the others are restated as they were read, against the revision that they
// were read at.
type variables struct {
	Names []string `json:"names,omitempty"` // sorted
	Busy  bool     `json:"busy,omitempty"`  // not part of what is compared
}

const (
	docVariables = "lambda.environment.names"
	actVariables = "variables-remove"
	paramRemove  = "remove"
)

func variableActs() []Act {
	return Define(Doc[variables]{
		Name: docVariables, Needs: environmentNeeds(), Resource: functionARN,
		Read: func(ctx context.Context, cfg aws.Config, p Place) (variables, Token, error) {
			w, err := currentEnvironment(ctx, cfg, p)
			if err != nil {
				return variables{}, "", err
			}
			tok, err := w.token()
			return variables{sortedKeys(w.Variables), w.busy}, tok, err
		},
		Hidden:  hiddenVars,
		Equal:   func(a, b variables) bool { return slices.Equal(a.Names, b.Names) },
		Settled: func(s variables) bool { return !s.Busy },
		Steps:   variableSteps,
	}, Edit[variables]{
		Name:  actVariables,
		About: "where the good environment is sealed and nothing here opens it: take away the variables that it did not have, by their names alone",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1574.006", "T1574.007"},
		Rank:    rank(stageEvict + 1),
		Answers: []Answer{{Kind: "function-configuration"}},
		Parts:   []string{partEnvironment}, Looks: []Part{goodEnvironmentLook()},
		Keys: func(s *Survey) []string {
			if len(added(s)) == 0 {
				return nil
			}
			return []string{""}
		},
		Params: func(_ PlanInput, s *Survey) Params { return Params{paramRemove: strings.Join(added(s), " ")} },
		Apply: func(_ Place, before variables, params Params) (variables, error) {
			gone := strings.Fields(params[paramRemove])
			before.Names = slices.DeleteFunc(slices.Clone(before.Names), func(n string) bool { return slices.Contains(gone, n) })
			if len(before.Names) == 0 {
				before.Names = nil
			}
			return before, nil
		},
		Destroys: func(p Place, _ variables) []Artefact {
			return []Artefact{{Name: keptEnvironment, ARN: p.ARN, Qualifier: latestPlain}}
		},
		Breaks: func(s *Survey, _ map[string]variables) []Impact {
			return []Impact{{What: "function", Resource: s.ARN, Detail: "$LATEST no longer sees " + strings.Join(added(s), ", ") + "; all other variables stay as they are"}}
		},
		Worth: func(s *Survey) []string {
			return []string{
				"whether the values of the others are still the owner's cannot be told without the seal, and one that was taken away stays away: environment-back, with --identity",
				"$LATEST only: published versions keep their environment; to take this back needs the case's identity too",
			}
		},
		Fixture: Fixture{Kept: true, Collected: true, Locked: true, Good: "1"},
	})
}

// added are the variables that are there and that the good environment, which stays shut, did not have.
func added(s *Survey) []string {
	g := Found[goodEnvironment](s, partEnvironment)
	if g.Locked == "" || g.Item == "" || s.EnvError != "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.EnvKeys), func(n string) bool { return slices.Contains(g.Names, n) })
}

// variableSteps restates what was read without those that go; of those that come back the
// values are in the journal of the run that took them away.
func variableSteps(p Place, now, to variables, tok Token) []Step {
	return []Step{putVariables(p, to.Names, "as they are", func(ctx context.Context) (wholeEnvironment, error) {
		w, err := wholeOf(tok)
		if err != nil {
			return w, err
		}
		missing := slices.DeleteFunc(slices.Clone(to.Names), func(n string) bool { return slices.Contains(now.Names, n) })
		before := map[string]string{}
		if len(missing) > 0 {
			plain, err := keeperOf(ctx).replaced(ctx, docVariables, p.ARN, func(from json.RawMessage) bool {
				was, err := decode[variables](from)
				return err == nil && !slices.ContainsFunc(missing, func(n string) bool { return !slices.Contains(was.Names, n) })
			})
			if err == nil {
				before, err = varsOf(plain)
			}
			if err != nil {
				return w, fmt.Errorf("the values of %s: %w: %w", strings.Join(missing, ", "), errNotKept, err)
			}
		}
		vars := map[string]string{}
		for _, n := range to.Names {
			v, here := w.Variables[n]
			if !here {
				if v, here = before[n]; !here {
					return w, fmt.Errorf("the value of %s: %w", n, errNotKept)
				}
			}
			vars[n] = v
		}
		w.Variables = vars
		return w, nil
	})}
}
