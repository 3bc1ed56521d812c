package stories

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// plan is what is varied.
type plan struct {
	seed  uint64
	entry string // as the story calls it
	hops  int

	deployRole    bool // the last hop is the role that deploys usually
	missingHop    int  // whose AssumeRole is not in the records, from 1; 0: none
	keylessHop    int  // whose AssumeRole is there without the key, from 1; 0: none
	noScope       bool // no record says whom Lambda's credentials were issued to
	noLambda      bool // Lambda's own AssumeRole is not in the records
	samePrograms  bool // the attacker uses what the others use
	secondAddress bool // the function's credentials are used from another address
	forgedMarker  bool // and with Lambda's marker
	fromFunction  bool // persistence is made with the function's stolen credentials
	persistFirst  bool // before the code is replaced
	publish       string
	undo          bool // one of the things made is taken back
	sisterName    bool // the decoy in the other account
	ciAfter       bool // the decoy deployment comes after
	ciNewAddress  bool // from a runner at a new address
	travels       bool // the owner works from elsewhere that hour, and makes things of their own
	hotfix        bool // the owner changes the function's configuration in that hour
	denied        bool
	shortHistory  bool // the records begin an hour or two before
	newUser       bool // persistence is made with the key of a user made for it
	sameSession   bool // the last session is named like the robot's next build
	fixedCI       bool // one address, otherwise one of several each time
}

// truth is what was played.
type truth struct {
	Actor struct {
		Key     string `json:"access_key"`
		Address string `json:"address"`
	} `json:"actor"`
	Entry struct {
		Kind string `json:"kind"`
		Who  string `json:"who"` // access key, account, function's key
	} `json:"entry"`
	Code struct {
		Hash     string   `json:"sha256"`
		Versions []string `json:"versions"`
	} `json:"code"`
	Hops     []step          `json:"hops"`     // from the actor back
	Standing []string        `json:"standing"` // kind and name of all that was made and is there
	Undone   []string        `json:"undone"`
	Hostile  map[string]bool `json:"hostile"` // key and address
	Outside  []string        `json:"outside"` // key and address at which the function's credentials were used elsewhere
	Trace    string          `json:"trace"`   // whose credentials really asked for what the missing record gave
	Decoys   []string        `json:"decoys"`
}

// step is a session of the chain.
type step struct {
	Role, Key string
	Missing   bool // its issue is not in the records
}

func use(key, address string) string { return key + " from " + address }

// plans are the cells: each entry and each number of hops comes up several times, the
// rest is drawn by seed.
func plans(n int) []plan {
	var all []plan
	for i := range n {
		seed := uint64(i + 1)
		r := rand.New(rand.NewPCG(seed, 77))
		p := plan{seed: seed, entry: []string{"long-term key", "outside account", "console", "stolen function credentials", sisterKey}[i%5], hops: (i / 5) % 4}
		if (p.entry == "outside account" || p.entry == sisterKey) && p.hops == 0 {
			p.hops = 1 + r.IntN(3)
		}
		flip := func(percent int) bool { return r.IntN(100) < percent }
		p.deployRole = p.hops > 0 && flip(40)
		switch {
		case p.hops > 0 && flip(25):
			p.missingHop = 1 + r.IntN(p.hops)
		case p.hops > 0 && flip(30):
			p.keylessHop = 1 + r.IntN(p.hops)
		}
		if p.entry == "outside account" && p.missingHop == 1 && p.hops == 1 && flip(50) {
			p.missingHop = 0
		}
		p.noScope, p.noLambda, p.samePrograms = flip(30), flip(30), flip(40)
		p.secondAddress, p.forgedMarker, p.fromFunction = flip(30), flip(20), flip(25)
		p.persistFirst, p.undo, p.sisterName = flip(30), flip(40), flip(80)
		if p.fromFunction {
			p.persistFirst = false
		}
		p.publish = []string{"", "with", "later"}[r.IntN(3)]
		p.ciAfter, p.ciNewAddress, p.hotfix, p.denied, p.fixedCI = flip(50), flip(50), flip(40), flip(60), flip(50)
		p.newUser, p.sameSession = flip(40) && !p.deployRole && !p.fromFunction, flip(40)
		if p.entry == "console" && p.hops == 0 {
			p.newUser = false // what stands for the console session here may not call IAM
		}
		p.shortHistory, p.travels = flip(25), flip(40)
		if p.forgedMarker {
			p.secondAddress = false // forged, it is known by who else works from there
		}
		all = append(all, p)
	}
	return all
}

func (p plan) String() string {
	s := fmt.Sprintf("%-27s hops %d", p.entry, p.hops)
	for _, f := range []struct {
		on   bool
		name string
	}{{p.deployRole, "deploy-role"}, {p.missingHop > 0, fmt.Sprintf("missing-hop-%d", p.missingHop)}, {p.keylessHop > 0, fmt.Sprintf("keyless-hop-%d", p.keylessHop)},
		{p.noScope, "no-inScopeOf"}, {p.noLambda, "no-lambda-AssumeRole"}, {p.samePrograms, "same-programs"}, {p.secondAddress, "second-address"},
		{p.forgedMarker, "forged-marker"}, {p.fromFunction, "persists-with-stolen"}, {p.persistFirst, "persists-first"}, {p.publish != "", "publish-" + p.publish},
		{p.undo, "one-undone"}, {p.sisterName, "sister"}, {p.ciAfter, "ci-after"}, {p.ciNewAddress, "ci-new-address"}, {p.hotfix, "hotfix"}, {p.travels, "owner-travels"}, {p.denied, "denied"}, {p.shortHistory, "short-history"}, {p.newUser, "new-user"}, {p.sameSession, "same-session-name"}} {
		if f.on {
			s += " " + f.name
		}
	}
	return s
}

// sisterKey is the key of somebody in the other account, whose trail is there too: the
// story calls it what it is, a long-term key.
const sisterKey = "long-term key of the sister"

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// begin makes the accounts and the people.
func begin(t *testing.T, p plan) *world {
	w := &world{t: t, ctx: t.Context(), r: rand.New(rand.NewPCG(p.seed, 4711)), plan: p, clock: &clock{at: time.Date(2026, 10, 5+int(p.seed%9), 6, 0, 0, 0, time.UTC)}}
	w.truth.Hostile = map[string]bool{}
	w.names = names{
		function: w.pick("payments", "orders-api", "billing", "checkout"), victim: w.pick("thumbnails", "webhook-in", "pdf-render"),
		deploy: w.pick("ci-deploy", "github-deploy", "release"), region: w.pick("eu-west-1", "us-east-1", "eu-central-1"),
		second: w.pick("health-monitor", "log-rotate", "metrics-sync"), rule: w.pick("nightly-report", "every-five", "cache-warmer"),
	}
	w.names.role, w.names.victimRole = w.names.function+"-role", w.names.victim+"-role"
	hops := []string{"data-reader", "ops-admin", "support", "batch-runner"}
	w.r.Shuffle(len(hops), func(i, j int) { hops[i], hops[j] = hops[j], hops[i] })
	w.names.hops = slices.Clone(hops[:p.hops])
	if p.deployRole {
		w.names.hops[p.hops-1] = w.names.deploy
	}
	w.cloud = awssim.New(awssim.Config{AccountID: home, Region: w.names.region, Seed: p.seed, Clock: w.clock, Settle: time.Second})
	cli, sdk := "aws-cli/2.31.0 ua/2.1 os/macos#25.1.0 lang/python#3.13.7", "aws-sdk-go-v2/1.48.0 ua/2.1 os/linux lang/go#1.26 api/lambda#1.114.3"
	w.owner = hand{"olivia", w.cloud.Bootstrap(home, "olivia", allowAll), "198.51.100.20", cli}
	w.robot = hand{"ci-robot", w.cloud.Bootstrap(home, "ci-robot", allowAll), "198.51.100.77", sdk}
	w.dave = hand{"dave", w.cloud.Bootstrap(home, "dave", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["iam:ListUsers","iam:ListRoles"],"Resource":"*"}]}`), "198.51.100.31", cli}
	w.sisterDev = hand{"sam", w.cloud.Bootstrap(sister, "sam", allowAll), "198.51.100.50", cli}
	w.vendorKey = hand{"build-bot", w.cloud.Bootstrap(vendor, "build-bot", allowAll), "192.0.2.10", sdk}
	return w
}
