package stories

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	userTrust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + home + `:root","arn:aws:iam::` + vendor + `:root","arn:aws:iam::` + sister + `:root"]},"Action":"sts:AssumeRole"}]}`
	sisterTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + sister + `:root"},"Action":"sts:AssumeRole"}]}`
	mostly      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["iam:ListUsers","iam:ListRoles"],"Resource":"*"}]}`
	deploys     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:*","events:*","iam:PassRole","sts:GetCallerIdentity"],"Resource":"*"}]}`
	works       = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListAllMyBuckets","lambda:ListFunctions","logs:*"],"Resource":"*"}]}`
)

// stage is a day and more of ordinary life.
func (w *world) stage() {
	n := w.names
	policy := works
	if w.plan.fromFunction {
		policy = mostly // more than it needs, as it happens
	}
	w.role(w.owner, n.role, lambdaTrust, policy)
	w.role(w.owner, n.victimRole, lambdaTrust, mostly)
	w.role(w.owner, n.deploy, userTrust, deploys)
	for _, h := range n.hops {
		if h != n.deploy {
			w.role(w.owner, h, userTrust, mostly)
		}
	}
	w.create(w.owner, home, n.function, n.role, zipped("# release 0"))
	w.create(w.owner, home, n.victim, n.victimRole, zipped("# resize pictures"))
	if w.plan.sisterName {
		w.role(w.sisterDev, n.role, lambdaTrust, works)
		w.role(w.sisterDev, n.deploy, sisterTrust, deploys)
		w.create(w.sisterDev, sister, n.function, n.role, zipped("# the sister's"))
	}
	for range 3 {
		w.wait(w.long(2*time.Hour), w.long(6*time.Hour))
		w.deployment(w.runner())
		w.ordinary()
	}
	w.wait(w.long(5*time.Hour), w.long(9*time.Hour))
}

// long is a time of quiet, if history is long.
func (w *world) long(d time.Duration) time.Duration {
	if w.plan.shortHistory {
		return d / 15
	}
	return d
}

// runner is where a build runs.
func (w *world) runner() string {
	if w.plan.fixedCI {
		return w.robot.address
	}
	return w.pick("198.51.100.77", "198.51.100.78", "198.51.100.79")
}

// deployment is the robot at its work: it assumes the role that deploys, uploads, publishes.
func (w *world) deployment(address string) {
	w.builds++
	h := w.assume(w.robot.from(address, w.robot.agent), home, w.names.deploy, fmt.Sprintf("build-%d", 1840+w.builds))
	w.truth.Decoys = append(w.truth.Decoys, use(h.creds.AccessKeyID, address))
	w.soon()
	w.upload(h, zipped(fmt.Sprintf("# release %d", w.builds)), false)
	w.soon()
	_, err := w.lambda(h).PublishVersion(w.ctx, &lambda.PublishVersionInput{FunctionName: aws.String(w.arn(w.names.function))})
	must(w, "publishing", 0, err)
	w.soon()
}

func (w *world) upload(h hand, code []byte, publish bool) *lambda.UpdateFunctionCodeOutput {
	out, err := w.lambda(h).UpdateFunctionCode(w.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(w.names.function), ZipFile: code, Publish: publish})
	must(w, "replacing the code", out, err)
	w.current = code
	w.wait(5*time.Second, 20*time.Second)
	return out
}

// ordinary is what people and functions do all day.
func (w *world) ordinary() {
	for _, f := range []string{w.names.function, w.names.victim} {
		w.buckets(w.environment(f))
		w.soon()
	}
	_, err := w.lambda(w.dave).ListFunctions(w.ctx, &lambda.ListFunctionsInput{})
	must(w, "dave's look", 0, err)
	w.soon()
	for _, h := range w.names.hops {
		if h == w.names.deploy {
			continue
		}
		s := w.assume(w.owner, home, h, "olivia")
		_, err := w.lambda(s).ListFunctions(w.ctx, &lambda.ListFunctionsInput{})
		must(w, "olivia's look", 0, err)
		w.soon()
	}
	if w.plan.entry == "outside account" && len(w.names.hops) > 0 {
		s := w.assume(w.vendorKey, home, w.names.hops[0], "nightly")
		_, err := w.lambda(s).ListFunctions(w.ctx, &lambda.ListFunctionsInput{})
		must(w, "the vendor's look", 0, err)
		w.truth.Decoys = append(w.truth.Decoys, use(s.creds.AccessKeyID, w.vendorKey.address))
		w.soon()
	}
}

// decoys are what goes on in the same hour and has nothing to do with it.
func (w *world) decoys(after bool) {
	if w.plan.ciAfter == after {
		address := w.runner()
		if w.plan.ciNewAddress {
			address = "198.51.100.203"
		}
		w.deployment(address)
	}
	if after {
		return
	}
	w.ordinary()
	owner := w.owner
	if w.plan.travels {
		owner = owner.from("198.51.100.240", owner.agent)
		w.create(owner, home, "quarterly-report", w.names.victimRole, zipped("# report"))
		w.wakes(owner, "quarterly", "quarterly-report", "quarterly")
	}
	if w.plan.hotfix {
		_, err := w.lambda(owner).UpdateFunctionConfiguration(w.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &w.names.function, Timeout: aws.Int32(int32(10 + w.r.IntN(20)))})
		must(w, "the owner's hotfix", 0, err)
		w.wait(10*time.Second, 30*time.Second)
	}
	if w.plan.sisterName { // odd enough to be blamed, elsewhere
		h := w.assume(w.sisterDev.from("198.51.100.99", "Boto3/1.40.4 ua/2.1 os/linux lang/python#3.12.11"), sister, w.names.deploy, "build-1842")
		_, err := w.lambda(h).UpdateFunctionCode(w.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: &w.names.function, ZipFile: zipped("# the sister's next")})
		must(w, "the sister's deployment", 0, err)
		w.soon()
		_, err = w.lambda(h).AddPermission(w.ctx, &lambda.AddPermissionInput{FunctionName: &w.names.function, StatementId: aws.String("partner"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(away)})
		must(w, "the sister's grant", 0, err)
		w.truth.Decoys = append(w.truth.Decoys, use(h.creds.AccessKeyID, h.address))
		w.soon()
	}
}

// incident is the attack with what goes on beside it.
func (w *world) incident() {
	attacker := fmt.Sprintf("203.0.113.%d", 20+w.r.IntN(200))
	agent := "python-requests-auth-aws-sigv4/0.7 kali"
	if w.plan.samePrograms {
		agent = "aws-cli/2.27.0 ua/2.1 os/linux#6.12 lang/python#3.13.2"
	}
	w.begun = w.clock.Now()
	w.decoys(false)
	w.wait(2*time.Minute, 15*time.Minute)
	h := w.chain(w.enter(attacker, agent))
	w.truth.Actor.Key, w.truth.Actor.Address = h.creds.AccessKeyID, attacker
	w.look(h)
	if w.plan.persistFirst {
		w.persist(h)
	}
	w.overwrite(h)
	w.wait(time.Minute, 8*time.Minute)
	thief := w.steal(attacker, agent)
	w.wait(time.Minute, 8*time.Minute)
	switch {
	case w.plan.fromFunction:
		w.persist(thief)
	case w.plan.newUser && !w.plan.persistFirst:
		w.persist(w.user(h))
	case !w.plan.persistFirst:
		w.persist(h)
	}
	if w.plan.undo {
		w.passing(h)
	}
	w.wait(time.Minute, 10*time.Minute)
	w.decoys(true)
	w.ordinary()
}

// enter is how the attacker comes by the first credentials.
func (w *world) enter(address, agent string) hand {
	w.truth.Entry.Kind = w.plan.entry
	switch w.plan.entry {
	case "outside account":
		w.truth.Entry.Who = vendor
		w.truth.Hostile[use(vendor, address)] = true
		return w.vendorKey.from(address, agent)
	case "console":
		d := w.dave.from(address, agent)
		out, err := sts.NewFromConfig(w.config(d)).GetSessionToken(w.ctx, &sts.GetSessionTokenInput{})
		must(w, "the sign-in", out, err)
		d.creds.AccessKeyID, d.creds.SecretAccessKey, d.creds.SessionToken = *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken
		w.edits = append(w.edits, signIn(d.creds.AccessKeyID))
		w.truth.Entry.Who = "arn:aws:iam::" + home + ":user/dave"
		w.truth.Hostile[use(w.truth.Entry.Who, address)], w.truth.Hostile[use(consoleKey(0), address)] = true, true
		d.agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
		if w.plan.hops > 0 {
			d.agent = agent
		}
		w.soon()
		return d
	case sisterKey:
		w.truth.Entry.Kind, w.truth.Entry.Who = "long-term key", w.sisterDev.creds.AccessKeyID
		w.truth.Hostile[use(w.truth.Entry.Who, address)] = true
		w.truth.Hostile[use(sister, address)] = true
		return w.sisterDev.from(address, agent)
	case "stolen function credentials":
		e := w.environment(w.names.victim)
		w.buckets(e)
		w.soon()
		w.truth.Entry.Who = e.creds.AccessKeyID
		w.truth.Hostile[use(e.creds.AccessKeyID, address)] = true
		return e.from(address, agent)
	}
	w.truth.Entry.Who = w.dave.creds.AccessKeyID
	w.truth.Hostile[use(w.dave.creds.AccessKeyID, address)] = true
	return w.dave.from(address, agent)
}

// chain assumes one role after the other.
func (w *world) chain(h hand) hand {
	steps := []step{{Key: h.creds.AccessKeyID}}
	switch w.plan.entry {
	case "outside account":
		steps = nil
	case "console":
		steps[0].Key = consoleKey(0)
	}
	w.unabridged.Entry, w.unabridged.Hops = w.truth.Entry, slices.Clone(steps)
	for i, role := range w.names.hops {
		if i > 0 {
			w.look(h)
		}
		name := w.pick("build-1850", "botocore-session-1790000000", "ops", "dave")
		if w.plan.sameSession && i == len(w.names.hops)-1 {
			name = fmt.Sprintf("build-%d", 1841+w.builds)
		}
		next := w.assume(h, home, role, name)
		s := step{Role: role, Key: next.creds.AccessKeyID}
		switch i + 1 {
		case w.plan.missingHop:
			w.edits = append(w.edits, withoutIssue(s.Key))
			w.truth.Trace = h.creds.AccessKeyID
			s.Missing, steps, w.truth.Entry.Kind, w.truth.Entry.Who = true, nil, "unknown", s.Key
		case w.plan.keylessHop:
			w.edits = append(w.edits, withoutKey(s.Key))
		}
		steps = append([]step{s}, steps...)
		w.unabridged.Hops = append([]step{s}, w.unabridged.Hops...)
		w.truth.Hostile[use(s.Key, h.address)] = true
		h = next
		w.soon()
	}
	w.truth.Hops = steps
	return h
}

// look is a look around, with what is refused.
func (w *world) look(h hand) {
	_, err := sts.NewFromConfig(w.config(h)).GetCallerIdentity(w.ctx, &sts.GetCallerIdentityInput{})
	must(w, "who am I", 0, err)
	w.soon()
	if w.r.IntN(2) == 0 {
		_, err = w.lambda(h).ListFunctions(w.ctx, &lambda.ListFunctionsInput{})
		must(w, "listing functions", 0, err)
		w.soon()
	}
	if w.plan.denied {
		_, _ = w.iam(h).ListUsers(w.ctx, &iam.ListUsersInput{}) // refused: that is the point
		w.soon()
	}
}

func (w *world) overwrite(h hand) {
	out := w.upload(h, zipped(fmt.Sprintf("# release %d\nimport os # and more %d", w.builds, w.plan.seed)), w.plan.publish == "with")
	w.truth.Code.Hash = *out.CodeSha256
	f := "function/" + w.arn(w.names.function)
	code := "function-code " + f + "/code"
	if w.plan.ciAfter {
		w.truth.Undone = append(w.truth.Undone, code)
	} else {
		w.truth.Standing = append(w.truth.Standing, code)
	}
	version := aws.ToString(out.Version)
	if w.plan.publish == "later" {
		p, err := w.lambda(h).PublishVersion(w.ctx, &lambda.PublishVersionInput{FunctionName: aws.String(w.arn(w.names.function))})
		must(w, "publishing", p, err)
		version = *p.Version
		w.soon()
	}
	if w.plan.publish != "" {
		w.truth.Code.Versions = []string{version}
		w.truth.Standing = append(w.truth.Standing, "function-version "+f+"/version/"+version)
	}
}

// steal uses the function's credentials elsewhere, while the function goes on working.
func (w *world) steal(address, agent string) hand {
	e := w.environment(w.names.function)
	w.buckets(e)
	w.wait(time.Minute, 5*time.Minute)
	if w.plan.secondAddress {
		address = fmt.Sprintf("192.0.2.%d", 100+w.r.IntN(100))
	}
	if w.plan.forgedMarker {
		agent = e.agent
	}
	t := e.from(address, agent)
	w.truth.Hostile[use(e.creds.AccessKeyID, address)] = true
	w.truth.Outside = append(w.truth.Outside, use(e.creds.AccessKeyID, address))
	w.look(t)
	w.buckets(t)
	w.soon()
	w.buckets(e)
	return t
}

// persist makes a second function that a rule wakes.
func (w *world) persist(h hand) {
	n := w.names
	w.create(h, home, n.second, n.role, zipped("# beacon"))
	w.wakes(h, n.rule, n.second, "wake")
	f := "function/" + w.arn(n.second)
	w.truth.Standing = append(w.truth.Standing, "function "+f, "rule rule/"+n.rule, "rule-target rule/"+n.rule+"/targets", "function-permission "+f+"/statement/wake")
	if w.r.IntN(2) == 0 {
		_, err := w.lambda(h).CreateFunctionUrlConfig(w.ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: &n.second, AuthType: lt.FunctionUrlAuthTypeNone})
		must(w, "its URL", 0, err)
		w.truth.Standing = append(w.truth.Standing, "function-url "+f+"/url")
		w.soon()
	}
}

// passing is something that is made and taken back.
func (w *world) passing(h hand) {
	f := aws.String(w.names.function)
	_, err := w.lambda(h).AddPermission(w.ctx, &lambda.AddPermissionInput{FunctionName: f, StatementId: aws.String("tmp"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(away)})
	must(w, "a grant", 0, err)
	w.soon()
	_, err = w.lambda(h).RemovePermission(w.ctx, &lambda.RemovePermissionInput{FunctionName: f, StatementId: aws.String("tmp")})
	must(w, "taking it back", 0, err)
	w.soon()
	w.truth.Undone = append(w.truth.Undone, "function-permission function/"+w.arn(w.names.function)+"/statement/tmp")
}

// user makes a user for the intruder's further work.
func (w *world) user(h hand) hand {
	c, name := w.iam(h), aws.String(w.pick("svc-backup", "monitoring", "terraform"))
	policy := "arn:aws:iam::aws:policy/AdministratorAccess"
	_, err := c.CreateUser(w.ctx, &iam.CreateUserInput{UserName: name})
	must(w, "the user", 0, err)
	w.soon()
	_, err = c.AttachUserPolicy(w.ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: &policy})
	must(w, "its policy", 0, err)
	w.soon()
	k, err := c.CreateAccessKey(w.ctx, &iam.CreateAccessKeyInput{UserName: name})
	must(w, "its key", k, err)
	w.soon()
	id := *k.AccessKey.AccessKeyId
	u := "user/" + *name
	w.truth.Standing = append(w.truth.Standing, "user "+u, "attached-policy "+u+"/attached/"+policy, "access-key key/"+id)
	w.truth.Hostile[use(id, h.address)] = true
	h.name, h.creds = *name, awssim.Credentials{AccessKeyID: id, SecretAccessKey: *k.AccessKey.SecretAccessKey}
	return h
}

// wakes lets a rule wake a function: rule and target, and the permission, in either order.
func (w *world) wakes(h hand, name, function, sid string) {
	events := eventbridge.NewFromConfig(w.config(h))
	rule := func() {
		_, err := events.PutRule(w.ctx, &eventbridge.PutRuleInput{Name: &name, ScheduleExpression: aws.String("rate(5 minutes)")})
		must(w, "the rule", 0, err)
		w.soon()
		_, err = events.PutTargets(w.ctx, &eventbridge.PutTargetsInput{Rule: &name, Targets: []et.Target{{Id: aws.String("1"), Arn: aws.String(w.arn(function))}}})
		must(w, "its target", 0, err)
		w.soon()
	}
	permit := func() {
		_, err := w.lambda(h).AddPermission(w.ctx, &lambda.AddPermissionInput{FunctionName: &function, StatementId: &sid, Action: aws.String("lambda:InvokeFunction"),
			Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String("arn:aws:events:" + w.names.region + ":" + home + ":rule/" + name)})
		must(w, "the rule's permission", 0, err)
		w.soon()
	}
	order := []func(){rule, permit}
	w.r.Shuffle(2, func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, do := range order {
		do()
	}
}
