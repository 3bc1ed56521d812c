package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/test/reportcase"
	"github.com/freezeframe-ir/freezeframe/test/strictpage"
)

func theCase(t *testing.T, calls int) *evidence.Case {
	t.Helper()
	dir := t.TempDir()
	c, err := reportcase.Write(t.Context(), filepath.Join(dir, "case"), filepath.Join(dir, "home"), calls)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func gathered(t *testing.T, c *evidence.Case, acts ...brief.Act) *Data {
	t.Helper()
	d, err := Gather(t.Context(), Input{Case: c, Now: reportcase.Begun.Add(96 * time.Hour), Acts: acts, Tool: "freezeframe test"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestReport: the report of a hostile case tells who, what and what is missing, in every form,
// holds none of the secrets, and is the same bytes each time.
func TestReport(t *testing.T) {
	c := theCase(t, 600)
	d := gathered(t, c)
	if len(d.Suspects) == 0 || !strings.HasPrefix(d.Suspects[0].Who, "mallory") || d.Suspects[0].Address != reportcase.Thief {
		t.Errorf("suspects %+v", d.Suspects)
	}
	var sum int64
	for _, l := range d.Picture.Whole.Lanes {
		sum += l.Total
	}
	if want := int64(600 + 15); d.EventsOf < want || sum+d.Picture.Earlier != d.EventsOf || d.Picture.Focus == nil || d.Picture.Focus.Lanes[0].Total != 15 {
		t.Errorf("%d events, %d drawn, %d earlier; focus %+v", d.EventsOf, sum, d.Picture.Earlier, d.Picture.Focus)
	}
	if d.Gaps != 2 || len(d.Coverage.CannotSee) == 0 {
		t.Errorf("%d gaps, cannot see %q", d.Gaps, d.Coverage.CannotSee)
	}
	if len(d.Changes) != 1 || len(d.Changes[0].Files) != 2 || len(d.Changes[0].Files[1].Diff) < 5 {
		t.Errorf("changes %+v", d.Changes)
	}
	if len(d.Graph.Nodes) < 3 || len(d.Graph.Edges) < 2 || !slices.ContainsFunc(d.Graph.Nodes, func(n Node) bool { return n.Suspected }) {
		t.Errorf("lineage %+v", d.Graph)
	}
	first := map[string][]byte{}
	for again := range 3 {
		if again > 0 {
			d = gathered(t, c)
		}
		for _, f := range Forms() {
			var b bytes.Buffer
			if err := f.Write(t.Context(), d, c, &b); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if again == 0 {
				first[f.Name] = b.Bytes()
			} else if !bytes.Equal(first[f.Name], b.Bytes()) {
				t.Errorf("%s: other bytes of the same case", f.Name)
			}
		}
	}
	for form, text := range first {
		for _, secret := range reportcase.Secrets() {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds the secret %s", form, secret)
			}
		}
		if !bytes.Contains(text, []byte("mallory")) || !bytes.Contains(text, []byte(reportcase.Thief)) {
			t.Errorf("%s does not name the suspect", form)
		}
	}
	if !bytes.Contains(first["html"], []byte(Masked)) {
		t.Error("nothing is masked: the secrets are not where they were put")
	}
	page, err := strictpage.Read(string(first["html"]))
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, s := range page.Texts {
		said += strings.Count(s, reportcase.Canary)
	}
	if said < 50 {
		t.Errorf("the canary is said %d times", said)
	}
	for _, form := range []string{"stix", "json"} {
		if !json.Valid(first[form]) {
			t.Errorf("%s is no JSON", form)
		}
	}
	if !bytes.Contains(first["stix"], []byte(`"type":"indicator"`)) {
		t.Error("no indicator in the bundle")
	}
}

// TestMeasures: times are counted between what the case says, and what is missing is said.
func TestMeasures(t *testing.T) {
	c := theCase(t, 50)
	value := func(d *Data, name string) string {
		i := slices.IndexFunc(d.Measures, func(m Measure) bool { return m.Name == name })
		return d.Measures[i].Value
	}
	begun := reportcase.Begun.Add(48 * time.Hour)
	d := gathered(t, c)
	if got := value(d, "MTTD"); got != "2 h 0 min" { // noted two hours after the first turn
		t.Errorf("MTTD %s: %+v", got, d.Measures)
	}
	if got := value(d, "MTTC"); !strings.HasPrefix(got, "still running") {
		t.Errorf("MTTC %s", got)
	}
	act := brief.Act{Act: "revoke-sessions", State: brief.InForce, Function: reportcase.Function, Resource: reportcase.Role, Since: begun.Add(150 * time.Minute)}
	d = gathered(t, c, act)
	if got := value(d, "MTTC"); got != "30 min" {
		t.Errorf("MTTC %s", got)
	}
	if got := value(d, "MTTR"); !strings.HasPrefix(got, "still running") {
		t.Errorf("MTTR %s", got)
	}
	act.State, act.Since = "released", begun.Add(26*time.Hour)
	if got := value(gathered(t, c, act), "MTTR"); got != "24 h 0 min" {
		t.Errorf("MTTR %s", got)
	}
}

// TestRecordedAgain: a report that is kept in the case does not change the next one as of the
// same moment, and stands in the chain of custody of a later one.
func TestRecordedAgain(t *testing.T) {
	c := theCase(t, 50)
	html := func(now time.Time) string {
		d, err := Gather(t.Context(), Input{Case: c, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := d.HTML(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	at := reportcase.Begun.Add(73*time.Hour + time.Minute)
	before := html(at)
	c.Now = func() time.Time { return at.Add(time.Minute) }
	d := gathered(t, c)
	made, err := c.Derive(t.Context(), evidence.Derived{Kind: Kind, Inputs: d.Inputs}, Kept(Forms()[0], []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Inputs) < 3 {
		t.Errorf("made from %+v", made.Inputs)
	}
	if html(at) != before {
		t.Error("the kept report changes the next one")
	}
	if !strings.Contains(html(at.Add(time.Hour)), made.ID) {
		t.Error("a later report does not tell of the kept one")
	}
}

// TestBins: whatever the spacing, every event is in a bin of its lane, and bins are bounded.
func TestBins(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, at, want := newGrowing(), noon, map[Lane]int64{}
		for range r.IntN(3000) {
			at = at.Add(time.Duration(r.Int64N(int64(time.Hour) >> r.IntN(20))))
			l := lanes()[r.IntN(5)].Lane
			g.add(at, l, r.IntN(3) == 0)
			want[l]++
		}
		if g.bins.N > maxBins {
			t.Fatalf("seed %d: %d bins", seed, g.bins.N)
		}
		for _, row := range g.bins.Lanes {
			n := 0
			for i, c := range row.Counts {
				n += c
				if row.Denied[i] > c {
					t.Fatalf("seed %d: more refused than called", seed)
				}
			}
			if int64(n) != want[row.Lane] || row.Total != want[row.Lane] {
				t.Fatalf("seed %d: %d and %d of %d events in lane %s", seed, n, row.Total, want[row.Lane], row.Lane)
			}
		}
		if last := g.bins.To(); g.bins.N > 0 && last.Before(at.Truncate(time.Second)) {
			t.Fatalf("seed %d: bins end %s, before %s", seed, last, at)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		`password = "hunter2hunter2"`:                                      `password = "[masked]"`,
		`aws_secret_access_key='wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE09'`: `aws_secret_access_key='[masked]'`,
		`key wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE09 was used`:            `key [masked] was used`,
		`postgres://app:swordfish@db/x`:                                    `postgres://app:[masked]@db/x`,
		`Authorization: Bearer abcdefghijklmnop1234`:                       `Authorization: Bearer [masked]`,
		`x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc y`:                 `x [masked] y`,
	} {
		if got := mask(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if got := mask(mask(text)); got != want {
			t.Errorf("%s: masked twice: %s", text, got)
		}
	}
	for _, text := range []string{
		"AKIAMALLORYMALLORYMA", `"access_key":"ASIASTOLENSTOLENSTOL"`, reportcase.Function, reportcase.Role, "NDKmQ2IZChB9YuZSD7BaKPGsRTgoNbNAxopWytX1kgI=",
		strings.Repeat("0123456789", 4), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "collections/01KGC3EG006JAVSXTYS09WA19J/data/payments.1.lambda.code.zip", "https://evil.example:8443/x",
	} {
		if got := mask(text); got != text {
			t.Errorf("%s is masked: %s", text, got)
		}
	}
}

func TestMaskLines(t *testing.T) {
	lines := []string{"+a", "+-----BEGIN RSA PRIVATE KEY-----", "+MIIEpAIBAAKCAQEA", "+abc", "+-----END RSA PRIVATE KEY-----", " b"}
	maskLines(lines)
	if want := []string{"+a", "+[masked]", "+[masked]", "+[masked]", "+-----END RSA PRIVATE KEY-----", " b"}; !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}

// TestLayout: origins lie left of what came of them, no two boxes lie on each other, and records
// that contradict each other (a ring) end the layout too.
func TestLayout(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := Graph{}
		for i := range 1 + r.IntN(30) {
			id := fmt.Sprint(i)
			g.Nodes = append(g.Nodes, Node{ID: id})
			if i > 0 && r.IntN(4) > 0 {
				g.Edges = append(g.Edges, Edge{From: fmt.Sprint(r.IntN(i)), To: id, Origin: true})
			}
		}
		ring := seed%10 == 0 && len(g.Nodes) > 2
		if ring {
			g.Edges = append(g.Edges, Edge{From: "2", To: "0", Origin: true})
		}
		g.layout()
		at := map[[2]int]bool{}
		for _, n := range g.Nodes {
			if at[[2]int{n.Depth, n.Row}] {
				t.Fatalf("seed %d: two boxes at %d, %d", seed, n.Depth, n.Row)
			}
			at[[2]int{n.Depth, n.Row}] = true
		}
		for _, e := range g.Edges {
			if from, to := g.node(e.From), g.node(e.To); !ring && from.Depth >= to.Depth {
				t.Fatalf("seed %d: %+v is not left of %+v", seed, from, to)
			}
		}
	}
}

// TestServe: who has the address sees the report and can search; nobody else sees anything.
func TestServe(t *testing.T) {
	t.Run("gone", servesWhatIsGone)

	c := theCase(t, 500)
	s := NewServer(gathered(t, c), c, "TOKEN", "127.0.0.1:4711")
	ask := func(path string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "127.0.0.1:4711"
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for _, x := range []struct {
		path   string
		change func(*http.Request)
		code   int
	}{
		{"/TOKEN/", nil, 200}, {"/TOKEN/events", nil, 200}, {"/TOKEN", nil, 303}, {"/", nil, 404}, {"/token/", nil, 404}, {"/TOKE/", nil, 404}, {"/TOKENX/events", nil, 404}, {"/TOKEN/else", nil, 404},
		{"/TOKEN/", func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"/TOKEN/", func(r *http.Request) { r.Host = "127.0.0.1:4712" }, 403},
		{"/TOKEN/", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"/TOKEN/", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		{"/TOKEN/events?where=nonsense", nil, 400}, {"/TOKEN/events?from=yesterday", nil, 400}, {"/TOKEN/events?page=-1", nil, 400}, {"/TOKEN/events?page=1000", nil, 200},
	} {
		w := ask(x.path, x.change)
		if w.Code != x.code {
			t.Errorf("%s: %d, want %d: %.200s", x.path, w.Code, x.code, w.Body)
		}
		if h := w.Header(); !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", x.path, h)
		}
		if x.code >= 403 && strings.Contains(w.Body.String(), "payments") {
			t.Errorf("%s: tells of the case: %s", x.path, w.Body)
		}
	}
	rows := func(path string) (int, string) {
		body := ask(path, nil).Body.String()
		p, err := strictpage.Read(body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if what := p.Policy(policy("'self'")); what != "" {
			t.Errorf("%s: %s", path, what)
		}
		n := 0
		for _, x := range p.Tags {
			if x.Name == "tr" && !x.End && x.Get("data-lane") != "" {
				n++
			}
		}
		return n, body
	}
	if n, body := rows("/TOKEN/events"); n != pageRows || !strings.Contains(body, "page=1") {
		t.Errorf("%d rows on the first page", n)
	}
	for path, want := range map[string]int{
		"/TOKEN/events?q=a-grant": 1, "/TOKEN/events?q=a-use-+ListUsers": 4, "/TOKEN/events?q=nothing-like-it": 0,
		"/TOKEN/events?where=access_key+%3D+" + reportcase.Stolen:                  12,
		"/TOKEN/events?from=2026-01-31T08:00:00Z&to=2026-01-31T08:00:01Z&q=a-code": 1,
	} {
		if n, _ := rows(path); n != want {
			t.Errorf("%s: %d rows, want %d", path, n, want)
		}
	}
	if _, body := rows("/TOKEN/events?q=" + `%22%3E%3Cscript%3Ealert(1)%3C/script%3E`); strings.Contains(body, "<script>alert(1)") {
		t.Error("what was searched for is markup")
	}
	if _, body := rows("/TOKEN/events?q=no-8"); !strings.Contains(body, Masked) {
		t.Error("a search shows what the report masks")
	}
	seen := map[string]bool{}
	for page := 0; ; page++ {
		n, body := rows(fmt.Sprintf("/TOKEN/events?page=%d", page))
		for _, line := range strings.Split(body, "<tr data-lane") {
			seen[line] = true
		}
		if !strings.Contains(body, fmt.Sprintf("page=%d", page+1)) {
			break
		}
		if n != pageRows {
			t.Errorf("page %d has %d rows", page, n)
		}
	}
	if len(seen) < 515 {
		t.Errorf("all pages together have %d rows", len(seen))
	}
}
