package contain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// alias is where one alias (Place.Key) leads. A write states both members: without a
// routing configuration UpdateAlias keeps the weights as they are.
type alias struct {
	Version string             `json:"version"`
	Weights map[string]float64 `json:"weights,omitempty"`
	Gone    bool               `json:"gone,omitempty"`
}

const (
	docAlias      = "lambda.alias"
	actAlias      = "alias-back"
	partAliasKept = "aliases of the case" // name -> version, from before the first suspected change
)

func aliasActs() []Act {
	return Define(Doc[alias]{
		Name: docAlias,
		Needs: []awsapi.Need{
			on("Lambda:GetAlias", "function ARN", false),
			on("Lambda:UpdateAlias", "function ARN", true),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readAlias,
		Steps:    aliasSteps,
	}, Edit[alias]{
		Name:  actAlias,
		About: "point aliases to the good version (--good-version, or as the case shows them from before the first suspected change), and all of the calls to it",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1648", "T1578"},
		Answers: []Answer{{Kind: "function-alias", Key: findingQualifier}},
		Parts:   []string{partAliases, partVersions, partAliasKept},
		Looks:   []Part{Look(Part{Name: partAliasKept}, aliasesKept, nil)},
		Keys: func(s *Survey) []string {
			var keys []string
			for _, a := range s.Aliases {
				if n := aws.ToString(a.Name); s.goodFor(n) != "" && s.astray(a) {
					keys = append(keys, n)
				}
			}
			return keys
		},
		Lacks: aliasLacks,
		Params: func(_ PlanInput, s *Survey) Params {
			p := Params{}
			for _, a := range s.Aliases {
				if v := s.goodFor(aws.ToString(a.Name)); v != "" {
					p["version of "+aws.ToString(a.Name)] = v
				}
			}
			return p
		},
		Apply: func(p Place, now alias, params Params) (alias, error) {
			good := params["version of "+p.Key]
			switch {
			case now.Gone:
				return now, nil
			case good == "" || good == "$LATEST":
				return alias{}, errors.New("no good version of alias " + p.Key + " is known")
			}
			return alias{Version: good}, nil
		},
		Destroys: func(p Place, _ alias) []Artefact { return []Artefact{{Name: "lambda.aliases", ARN: p.ARN}} },
		Breaks:   aliasBreaks,
		Worth: func(*Survey) []string {
			return []string{"callers that name a version, or no qualifier at all, do not go through an alias; whoever may call UpdateAlias can point it elsewhere again"}
		},
		Fixture: Fixture{Good: "1"},
	})
}

// goodFor is the version that an alias has to lead to: as the operator says, or as it was
// before the first suspected change; "" is not known. One that is not there, or is known to be bad, is none.
func (v *Survey) goodFor(name string) string {
	good := Found[map[string]string](v, partAliasKept)[name]
	for _, g := range v.in.GoodVersion {
		if _, version, one := strings.Cut(g, name+"="); one && strings.HasPrefix(g, name+"=") {
			good = version
			break
		}
		if !strings.Contains(g, "=") {
			good = g
		}
	}
	if !slices.Contains(v.Versions, good) || v.bad(good) {
		return ""
	}
	return good
}

// bad says whether a version is named as bad, or a finding says that an intruder published it.
func (v *Survey) bad(version string) bool {
	return slices.Contains(v.in.Bad, version) || slices.ContainsFunc(v.in.Findings, func(f finding.Finding) bool {
		return f.Kind == "function-version" && unqualified((Answer{}).target(f)) == v.ARN && findingQualifier(f) == version
	})
}

// astray says whether an alias is to be moved: one that a finding names, or that was asked
// for; where bad versions were named, only if it leads to one.
func (v *Survey) astray(a lambdatypes.AliasConfiguration) bool {
	name := aws.ToString(a.Name)
	switch {
	case slices.ContainsFunc(v.Findings, func(f finding.Finding) bool { return f.Kind == "function-alias" && findingQualifier(f) == name }),
		slices.ContainsFunc(v.in.GoodVersion, func(g string) bool { return strings.HasPrefix(g, name+"=") }):
		return true
	case !slices.Contains(v.in.Acts, actAlias) && v.in.Level.rank() < LevelEvict.rank():
		return false
	}
	return len(v.in.Bad) == 0 || slices.ContainsFunc(v.reaches(name), func(r string) bool { return slices.Contains(v.in.Bad, r) })
}

func aliasLacks(s *Survey) string {
	var unknown []string
	for _, a := range s.Aliases {
		if n := aws.ToString(a.Name); s.goodFor(n) == "" && s.astray(a) {
			unknown = append(unknown, n)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return fmt.Sprintf("no good version is known for alias %s: --good-version N, or ALIAS=N, with a version that is there and not bad", strings.Join(unknown, ", "))
}

// aliasesKept are the aliases as the newest collection from before the first suspected
// change shows them. Without a finding nothing says which collection is old enough.
func aliasesKept(ctx context.Context, _ aws.Config, s *Survey) (map[string]string, error) {
	before := firstChange(s.in.Findings, s.ARN)
	if before.IsZero() {
		return nil, nil
	}
	var list struct {
		Aliases []struct{ Name, FunctionVersion string }
	}
	_, err := kept(ctx, s.in.Case, Artefact{Name: "lambda.aliases", ARN: s.ARN}, func(it evidence.Item) bool { return it.Started.Before(before) }, &list)
	if errors.Is(err, errNotKept) {
		return nil, nil
	}
	out := map[string]string{}
	for _, a := range list.Aliases {
		out[a.Name] = a.FunctionVersion
	}
	return out, err
}

func aliasBreaks(s *Survey, before map[string]alias) []Impact {
	var all []Impact
	for _, key := range sortedKeys(before) {
		was := "version " + before[key].Version
		for _, w := range sortedKeys(before[key].Weights) {
			was += fmt.Sprintf(" and %g of the calls to version %s", before[key].Weights[w], w)
		}
		all = append(all, Impact{What: "alias", Resource: key, Detail: "leads to version " + s.goodFor(key) + " alone, not to " + was})
		if slices.Contains(s.Provisioned, key) {
			all = append(all, Impact{What: "alias", Resource: key, Detail: "its provisioned environments are made anew, of that version"})
		}
	}
	return all
}

func readAlias(ctx context.Context, cfg aws.Config, p Place) (alias, Token, error) {
	out, err := lambdaClient(cfg).GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(p.Function), Name: aws.String(p.Key)})
	if isCode(err, "ResourceNotFoundException") {
		return alias{Gone: true}, "", nil
	}
	if err != nil {
		return alias{}, "", err
	}
	s := alias{Version: aws.ToString(out.FunctionVersion)}
	if out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0 {
		s.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	return s, Token(aws.ToString(out.RevisionId)), nil
}

func aliasSteps(p Place, now, to alias, tok Token) []Step {
	if now.Gone || to.Gone {
		return nil
	}
	weights := to.Weights
	if weights == nil {
		weights = map[string]float64{} // an empty map clears them, none leaves them
	}
	in := &lambda.UpdateAliasInput{
		FunctionName: aws.String(p.Function), Name: aws.String(p.Key), FunctionVersion: aws.String(to.Version), RevisionId: orNil(string(tok)),
		RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	}
	return []Step{{"Lambda:UpdateAlias", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateAlias(ctx, in)
		return err
	}}}
}
