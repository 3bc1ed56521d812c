package awssim

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

type functionURL struct{ config lt.FunctionUrlConfig }

// urlTarget: a URL hangs on the function or on an alias.
func (c *call) urlTarget(action string, name, qualifier *string) (*lambdaTarget, error) {
	missing := none()
	if action == "CreateFunctionUrlConfig" || action == "UpdateFunctionUrlConfig" {
		missing = notThere("Function does not exist")
	}
	t, err := c.functionOr(missing, action, name, qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" && t.fn.aliases[t.qualifier] == nil {
		return nil, missing
	}
	return t, nil
}

func (t *lambdaTarget) url() (*functionURL, error) {
	if u := t.fn.urls[t.qualifier]; u != nil {
		return u, nil
	}
	return nil, none()
}

func createURL(c *call, in *lambda.CreateFunctionUrlConfigInput) (*lambda.CreateFunctionUrlConfigOutput, error) {
	t, err := c.urlTarget("CreateFunctionUrlConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if t.fn.urls[t.qualifier] != nil {
		return nil, conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", t.qualified())
	}
	mode := in.InvokeMode
	if mode == "" {
		mode = lt.InvokeModeBuffered
	}
	host := c.id("alnum:32") + ".lambda-url." + t.region + ".on.aws"
	at := aws.String(c.now.UTC().Format("2006-01-02T15:04:05.000000Z"))
	u := &functionURL{lt.FunctionUrlConfig{AuthType: in.AuthType, CreationTime: at, LastModifiedTime: at, FunctionArn: aws.String(t.qualified()), FunctionUrl: aws.String("https://" + host + "/"), Cors: in.Cors, InvokeMode: mode}}
	t.fn.urls[t.qualifier] = u
	return like[lambda.CreateFunctionUrlConfigOutput](u.config), nil
}

func getURL(c *call, in *lambda.GetFunctionUrlConfigInput) (*lambda.GetFunctionUrlConfigOutput, error) {
	t, err := c.urlTarget("GetFunctionUrlConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	u, err := t.url()
	if err != nil {
		return nil, err
	}
	return like[lambda.GetFunctionUrlConfigOutput](u.config), nil
}

func updateURL(c *call, in *lambda.UpdateFunctionUrlConfigInput) (*lambda.UpdateFunctionUrlConfigOutput, error) {
	t, err := c.urlTarget("UpdateFunctionUrlConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	u, err := t.url()
	if err != nil {
		return nil, err
	}
	overlay(&u.config, in)
	u.config.LastModifiedTime = aws.String(c.now.UTC().Format("2006-01-02T15:04:05.000000Z"))
	return like[lambda.UpdateFunctionUrlConfigOutput](u.config), nil
}

func deleteURL(c *call, in *lambda.DeleteFunctionUrlConfigInput) (*lambda.DeleteFunctionUrlConfigOutput, error) {
	t, err := c.urlTarget("DeleteFunctionUrlConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if _, err := t.url(); err != nil {
		return nil, err
	}
	delete(t.fn.urls, t.qualifier)
	return nil, nil
}

func listURLs(c *call, in *lambda.ListFunctionUrlConfigsInput) (*lambda.ListFunctionUrlConfigsOutput, error) {
	t, err := c.functionOr(notThere("Function does not exist"), "ListFunctionUrlConfigs", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []lt.FunctionUrlConfig{}
	for _, q := range sortedNames(t.fn.urls) {
		all = append(all, t.fn.urls[q].config)
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListFunctionUrlConfigsOutput{FunctionUrlConfigs: orEmpty(page), NextMarker: next}, err
}

// RequestURL says how a function URL answers a request, signed by signedBy or by
// nobody (nil): 404 where there is no such URL, 403, 429 at concurrency 0, else 200.
func (c *Cloud) RequestURL(address string, signedBy *Credentials) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, err := url.Parse(address)
	if err != nil {
		return 404
	}
	for at, s := range c.lambda.m {
		for _, f := range s.functions {
			for q, fu := range f.urls {
				if strings.Contains(aws.ToString(fu.config.FunctionUrl), "//"+u.Host+"/") {
					return c.answerURL(at, f, q, fu, signedBy)
				}
			}
		}
	}
	return 404
}

// answerURL: where AuthType is NONE Lambda looks at no signature, so everybody is anyone.
func (c *Cloud) answerURL(at scope, f *function, qualifier string, fu *functionURL, signedBy *Credentials) int {
	k := &call{Cloud: c, region: at.region, now: c.Now().UTC()}
	anyone := fu.config.AuthType == lt.FunctionUrlAuthTypeNone
	if anyone {
		k.caller = identity{kind: "Anonymous", account: "anonymous", arn: "anonymous"}
	} else if !k.signed(signedBy) {
		return 403
	}
	for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
		if !k.mayRequest(action, at, f.policies[qualifier], fu, anyone) {
			return 403
		}
	}
	if f.reserved != nil && *f.reserved == 0 {
		return 429
	}
	c.ran(at, f, f.version(qualifier), k.now)
	return 200
}

// signed makes whoever holds the credentials the caller; it fails for nobody, an unknown or
// inactive key and a session that is over.
func (k *call) signed(by *Credentials) bool {
	if by == nil {
		return false
	}
	id, secret, token, ok := k.lookupKey(by.AccessKeyID)
	if !ok || secret != by.SecretAccessKey || token != by.SessionToken || id.session != nil && !k.now.Before(id.session.expires) {
		return false
	}
	k.caller, k.accountID = id, id.account
	return true
}

// mayRequest asks the evaluator with the context of a request to a URL.
func (k *call) mayRequest(action string, at scope, policy *functionPolicy, fu *functionURL, anyone bool) bool {
	r, p := k.asking(k.caller, k.now)
	r.Action, r.Resource, r.ResourceAccount = action, aws.ToString(fu.config.FunctionArn), at.account
	r.Context = k.context()
	if anyone {
		p.Identity = []iampolicy.Document{anyoneMay()}
		for key := range r.Context {
			if strings.HasPrefix(key, "aws:Principal") || key == "aws:userid" {
				delete(r.Context, key)
			}
		}
	}
	r.Context["lambda:FunctionUrlAuthType"] = []string{string(fu.config.AuthType)}
	r.Context["lambda:InvokedViaFunctionUrl"] = []string{"true"}
	if policy != nil {
		p.Resource = &policy.document
	}
	return iampolicy.Evaluate(r, p).Decision == iampolicy.Allow
}

// anyoneMay stands for the side of an anonymous caller: only the function's policy speaks.
func anyoneMay() iampolicy.Document {
	d, err := iampolicy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		panic(err) // constant
	}
	return d
}
