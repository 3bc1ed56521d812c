package contain

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// deployed is what $LATEST runs. A package is known by its hash: its bytes come from the case,
// so that they pass neither through the plan nor the journal.
type deployed struct {
	SHA256       string  `json:"code_sha256"`            // as AWS gives it: base64 of a package's, hex of an image's digest
	Architecture string  `json:"architecture,omitempty"` // "x86_64"
	Image        string  `json:"image,omitempty"`        // by digest
	Object       *object `json:"object,omitempty"`       // of a package that Lambda only refers to
	Key          string  `json:"key,omitempty"`          // KMS key of the package
	Busy         bool    `json:"busy,omitempty"`         // AWS is at work on it; not part of what is compared
}

// object is where a package lies that was never copied into Lambda.
type object struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
}

const (
	docCode     = "lambda.code.latest"
	actCode     = "code-back"
	partCode    = "good code"
	maxUpload   = 50 << 20 // AWS: a package in the request, zipped
	latestPlain = "$LATEST"
)

func codeActs() []Act {
	return Define(Doc[deployed]{
		Name: docCode,
		Needs: []awsapi.Need{
			on("Lambda:GetFunction", "function ARN", false),
			{Call: "Lambda:UpdateFunctionCode", Mutates: true, IAM: []awsapi.Grant{{Action: "lambda:UpdateFunctionCode", Resource: "function ARN"},
				{Action: "s3:GetObject", Resource: "object ARN of a package that is kept by reference"}, {Action: "s3:GetObjectVersion", Resource: "object ARN of a package that is kept by reference"}}},
		},
		Resource: functionARN,
		Read:     readCode,
		Equal:    sameCode,
		Settled:  func(s deployed) bool { return !s.Busy },
		Steps:    codeSteps,
	}, Edit[deployed]{
		Name:  actCode,
		About: "put the package of a collected good version (--good-version, or $LATEST as collected before the first suspected change) back as $LATEST; never publishes",
		Lossy: "a package above 50 MB goes back through S3 only, by hand; a code-signing configuration that enforces refuses good code that is not signed; an image is named by its digest from then on, not by the tag that it had",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1525", "T1648"},
		Answers: []Answer{{Kind: "function-code"}},
		Looks:   []Part{Look(Part{Name: partCode, Needs: []awsapi.Need{when(on("Lambda:GetFunction", "function ARN", false), "planning, where the case has no configuration of the good version")}}, goodCodeOf, nil)},
		Parts:   []string{partCode},
		Keys: func(s *Survey) []string {
			if Found[goodCode](s, partCode).lacks() != "" {
				return nil
			}
			return []string{""}
		},
		Lacks: func(s *Survey) string { return Found[goodCode](s, partCode).lacks() },
		Params: func(_ PlanInput, s *Survey) Params {
			return Found[goodCode](s, partCode).params()
		},
		Apply: applyCode,
		Destroys: func(p Place, before deployed) []Artefact {
			if before.Image != "" {
				return []Artefact{{Name: "ecr.image", ARN: p.ARN, Qualifier: latestPlain}}
			}
			return []Artefact{{Name: "lambda.code", ARN: p.ARN, Qualifier: latestPlain, Content: before.SHA256}}
		},
		Breaks: func(s *Survey, before map[string]deployed) []Impact {
			return []Impact{{What: "function", Resource: s.ARN, Detail: fmt.Sprintf("$LATEST runs the code of %s instead of CodeSha256 %s", Found[goodCode](s, partCode).From, before[""].SHA256)}}
		},
		Worth: func(s *Survey) []string {
			all := []string{"$LATEST only: published versions keep their code, and environments that run go on with the old code until they end"}
			if len(s.Versions) > 0 {
				all = append(all, "aliases, URLs, mappings and grants that name a version still reach that version: alias-back")
			}
			return all
		},
		Fixture: Fixture{Good: "1", Collected: true},
	})
}

func applyCode(_ Place, before deployed, params Params) (deployed, error) {
	to := deployed{SHA256: params["code_sha256"], Architecture: params["architecture"], Image: params["image"], Key: params["key"]}
	if params["bucket"] != "" {
		to.Object = &object{params["bucket"], params["object"], params["object_version"]}
	}
	switch {
	case to.SHA256 == "":
		return deployed{}, errors.New("no good code is known")
	case (to.Image == "") != (before.Image == ""):
		return deployed{}, errors.New("a function stays what it was made as, a package or a container image: the good code is the other")
	case sameCode(before, to):
		return before, nil
	}
	return to, nil
}

// sameCode: the hash alone says whether two packages are one; where one lies does not matter.
func sameCode(a, b deployed) bool {
	return a.SHA256 == b.SHA256 && a.Architecture == b.Architecture
}

// goodCode is what is known of the code to go back to.
type goodCode struct {
	deployed
	Size    int64
	From    string // "version 2", "$LATEST of bag ..."
	Missing string // why it cannot be used
}

func (g goodCode) lacks() string {
	switch {
	case g.Missing != "":
		return g.Missing
	case g.SHA256 == "":
		return "no good code is known: --good-version N with a version that is there or collected and not bad; or a finding, and a collection of $LATEST from before it"
	case g.Image == "" && g.Object == nil && g.Size > maxUpload:
		return fmt.Sprintf("the package of %s has %d bytes, and a request takes 50 MB: upload it to a bucket of your own and update-function-code --s3-bucket", g.From, g.Size)
	}
	return ""
}

func (g goodCode) params() Params {
	p := Params{"code_sha256": g.SHA256, "architecture": g.Architecture, "from": g.From}
	for k, v := range map[string]string{"image": g.Image, "key": g.Key} {
		if v != "" {
			p[k] = v
		}
	}
	if g.Object != nil {
		p["bucket"], p["object"], p["object_version"] = g.Object.Bucket, g.Object.Key, g.Object.Version
	}
	return p
}

// goodVersion is the version that the operator vouches for, for all of the function.
func (v *Survey) goodVersion() string {
	good := ""
	for _, g := range v.in.GoodVersion {
		if isVersion(g) && !v.bad(g) {
			good = g
		}
	}
	return good
}

func isVersion(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// goodCodeOf asks the case first, which also knows versions that were deleted since.
func goodCodeOf(ctx context.Context, cfg aws.Config, s *Survey) (goodCode, error) {
	was, from, err := s.goodDeployed(ctx, cfg)
	if err != nil || was == nil || was.Configuration == nil {
		return goodCode{}, err
	}
	g := goodCode{From: from, Size: was.Configuration.CodeSize}
	if g.deployed, err = codeOf(was.Configuration, was.Code); err != nil {
		return goodCode{}, err
	}
	if g.Image == "" && g.Object == nil && s.in.Case != nil && g.lacks() == "" {
		if _, err := packaged(ctx, s.in.Case, g.SHA256); errors.Is(err, errNotKept) {
			g.Missing = fmt.Sprintf("the package of %s (CodeSha256 %s) is not sealed in the case: freezeframe collect --function %s", from, g.SHA256, s.Function)
		} else if err != nil {
			return goodCode{}, err
		}
	}
	return g, nil
}

// goodDeployed is GetFunction's answer for the good state, by the case or by AWS; nil: none is known.
func (v *Survey) goodDeployed(ctx context.Context, cfg aws.Config) (*lambda.GetFunctionOutput, string, error) {
	out, version, before := &lambda.GetFunctionOutput{}, v.goodVersion(), firstChange(v.in.Findings, v.ARN)
	of, ok := Artefact{Name: "lambda.configuration", ARN: v.ARN, Qualifier: version}, func(evidence.Item) bool { return true }
	if version == "" {
		if before.IsZero() {
			return nil, "", nil
		}
		of.Qualifier, ok = latestPlain, func(it evidence.Item) bool { return it.Started.Before(before) }
	}
	ref, err := kept(ctx, v.in.Case, of, ok, out)
	switch {
	case err == nil && version == "":
		return out, "$LATEST of collection " + ref.Bag, nil
	case err == nil:
		return out, "version " + version, nil
	case !errors.Is(err, errNotKept) || version == "":
		if errors.Is(err, errNotKept) {
			err = nil
		}
		return nil, "", err
	}
	out, err = lambdaClient(cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(v.Function), Qualifier: aws.String(version)})
	if isCode(err, "ResourceNotFoundException") {
		return nil, "", nil
	}
	return out, "version " + version, err
}

func codeOf(cfg *lambdatypes.FunctionConfiguration, at *lambdatypes.FunctionCodeLocation) (deployed, error) {
	s := deployed{SHA256: aws.ToString(cfg.CodeSha256), Architecture: string(lambdatypes.ArchitectureX8664)}
	if len(cfg.Architectures) > 0 {
		s.Architecture = string(cfg.Architectures[0])
	}
	s.Busy = busy(cfg)
	if at != nil {
		s.Key = aws.ToString(at.SourceKMSKeyArn)
		if o := at.ResolvedS3Object; o != nil {
			s.Object = &object{aws.ToString(o.S3Bucket), aws.ToString(o.S3Key), aws.ToString(o.S3ObjectVersion)}
		}
	}
	if cfg.PackageType == lambdatypes.PackageTypeImage {
		if at == nil || aws.ToString(at.ResolvedImageUri) == "" {
			return deployed{}, errors.New("a container image, and its digest is not told")
		}
		s.Image = aws.ToString(at.ResolvedImageUri)
	}
	return s, nil
}

// busy says whether AWS refuses updates of the function for now.
func busy(cfg *lambdatypes.FunctionConfiguration) bool {
	return cfg.State == lambdatypes.StatePending || cfg.LastUpdateStatus == lambdatypes.LastUpdateStatusInProgress
}

func readCode(ctx context.Context, cfg aws.Config, p Place) (deployed, Token, error) {
	out, err := lambdaClient(cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return deployed{}, "", err
	}
	if out.Configuration == nil {
		return deployed{}, "", errors.New("AWS answers without the configuration")
	}
	s, err := codeOf(out.Configuration, out.Code)
	return s, Token(aws.ToString(out.Configuration.RevisionId)), err
}

// upload is UpdateFunctionCode as a plan shows it: what stands for the package instead of its bytes.
type upload struct {
	*lambda.UpdateFunctionCodeInput
	ZipFile string
}

func codeSteps(p Place, _, to deployed, tok Token) []Step {
	in := &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(p.Function), RevisionId: orNil(string(tok)), SourceKMSKeyArn: orNil(to.Key)}
	if to.Architecture != "" {
		in.Architectures = []lambdatypes.Architecture{lambdatypes.Architecture(to.Architecture)}
	}
	call := func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateFunctionCode(ctx, in)
		return err
	}
	switch {
	case to.Image != "":
		in.ImageUri = aws.String(to.Image)
	case to.Object != nil:
		in.S3Bucket, in.S3Key, in.S3ObjectVersion = aws.String(to.Object.Bucket), aws.String(to.Object.Key), orNil(to.Object.Version)
		in.S3ObjectStorageMode = lambdatypes.S3ObjectStorageModeReference
	default:
		return []Step{{"Lambda:UpdateFunctionCode", upload{in, "of the case, with CodeSha256 " + to.SHA256}, func(ctx context.Context, cfg aws.Config) error {
			zip, err := packaged(ctx, caseOf(ctx), to.SHA256)
			if err != nil {
				return err
			}
			whole := *in
			whole.ZipFile = zip
			_, err = lambdaClient(cfg).UpdateFunctionCode(ctx, &whole)
			return err
		}}}
	}
	return []Step{{"Lambda:UpdateFunctionCode", in, call}}
}
