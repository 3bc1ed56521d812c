package mandate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// acts are contain's own.
var acts = sync.OnceValue(func() []Act {
	var all []Act
	for _, a := range contain.All() {
		all = append(all, Act{a.Name, string(a.Kind), string(a.Level)})
	}
	return all
})

func newKey(t testing.TB) *evidence.LocalKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	local, err := evidence.ParseLocalKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return local
}

func public(t testing.TB, k *evidence.LocalKey) string {
	t.Helper()
	p, err := evidence.EncodePublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// example is the mandate that docs/respond.md shows.
func example(t testing.TB) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/respond.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(doc, []byte("```yaml\n"))
	text, _, closed := bytes.Cut(rest, []byte("```\n"))
	if !ok || !closed {
		t.Fatal("docs/respond.md shows no mandate")
	}
	return string(text)
}

// night is a Friday at 23:30 in Berlin, within the hours of the example.
var night = time.Date(2026, 11, 27, 22, 30, 0, 0, time.UTC)

// world is everything that a decision is made of.
type world struct {
	t          testing.TB
	text       string
	signatures []Signature
	trusted    []*ecdsa.PublicKey
	none       bool // no file

	boss, olive, pat *evidence.LocalKey

	alert alert.Alert
	facts Facts
	now   time.Time
}

// newWorld is one in which the example's first rule acts.
func newWorld(t testing.TB, text string, keys []*evidence.LocalKey) *world {
	t.Helper()
	w := &world{t: t, text: text, boss: keys[0], olive: keys[1], pat: keys[2], now: night}
	w.trusted = []*ecdsa.PublicKey{w.boss.Public()}
	w.sign(w.boss)
	w.become("guardduty-lambda")
	w.facts.AWSTime, w.facts.Partition = night, "aws"
	return w
}

// become makes the world one of another alert, found at its source, with its function there.
func (w *world) become(sample string) {
	data, err := os.ReadFile("../alert/testdata/" + sample + ".json")
	if err != nil {
		w.t.Fatal(err)
	}
	w.alert = alert.Parse(data)[0]
	there := alert.Parse(data)[0]
	w.facts.AtSource = &there
	if w.alert.Target != nil {
		w.facts.Function = &FunctionFact{ARN: w.alert.Target.ARN, Tags: map[string]string{"env": "prod"}, TagsKnown: true, RoleUsers: 1}
	}
}

func (w *world) sign(k *evidence.LocalKey) {
	s, err := Sign(w.t.Context(), k, []byte(w.text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.signatures = append(w.signatures, s)
}

// swap changes the mandate, and signs it again.
func (w *world) swap(from, to string) {
	if !strings.Contains(w.text, from) {
		w.t.Fatalf("%q is not in the mandate", from)
	}
	w.text, w.signatures = strings.Replace(w.text, from, to, 1), nil
	w.sign(w.boss)
}

func (w *world) decide() Decision {
	w.t.Helper()
	data := []byte(w.text)
	if w.none {
		data = nil
	}
	h, err := Hold("m.yaml", data, acts(), w.signatures, w.trusted)
	if err != nil {
		w.t.Fatal(err)
	}
	return Decide(h, &w.alert, w.facts, w.now)
}
