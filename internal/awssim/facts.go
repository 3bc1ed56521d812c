package awssim

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The table of facts, one text file for each service, a record a line, fields
// separated by spaces, lines that begin with a space belonging to the line above:
//
//	service NAME id= version= protocols= json= target= ns= signing= [global] [querycompat]
//	op NAME METHOD PATH INPUT OUTPUT [status=] [wrapper=] [readonly] [noauth]
//	 errors SHAPE...
//	known NAME METHOD PATH                      an operation that is not simulated
//	struct NAME [payload=] [xml=] [ns=] [error=STATUS] [code=] [fault] [union]
//	 MEMBER SHAPE [!] [uri=|query=|header=|headers=|status] [xml=] [flat] [attr] [ns=] [stream] [token]
//	list NAME SHAPE [xml=] [flat] [min=] [max=]
//	map NAME KEY VALUE [key=] [value=] [flat] [min=] [max=]
//	string NAME [pattern=] [not=] [enum=A|B] [min=] [max=] [sensitive]
//	TYPE NAME ...                               boolean integer long float double blob timestamp
//
// "!" marks a required member.

//go:embed facts/*.txt
var factFiles embed.FS

// factService is one service of the table.
type factService struct {
	name, id, version, jsonVersion, target, xmlns, signing string
	protocols                                              []string
	global, queryCompatible                                bool
	ops                                                    map[string]*factOp
	shapes                                                 map[string]*shape
	routes                                                 *router // REST services only
}

// factOp is one operation. Without shapes (in and out nil, simulated false) it
// is only known by name.
type factOp struct {
	service           *factService
	name              string
	method, path      string
	in, out           *shape
	status            int
	wrapper           string
	errors            []string
	readonly, noauth  bool
	simulated         bool // its shapes are in the table
	inName, outName   string
	payload, inStream *member // of the input
}

// shape is a type of the wire.
type shape struct {
	name, kind string // kind: struct, list, map, string, boolean, integer, long, float, double, blob, timestamp
	members    []*member
	byName     map[string]*member
	elem, key  *member // list: elem; map: key and elem (the value)
	enum       []string
	min, max   *float64
	match, not *pattern

	payload, xmlName, xmlns, ts string
	isError, fault, union, flat bool
	sensitive                   bool
	status                      int
	code                        string
}

// member is a member of a struct, or the element of a list or map.
type member struct {
	name, shapeName, loc, wire, xmlName, xmlns, ts string // loc: "", uri, query, header, headers, status
	shape                                          *shape
	required, flat, attr, stream, token            bool
}

// pattern is compiled when it is first asked for: most never are.
type pattern struct {
	src  string
	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) whole(s string) bool {
	p.once.Do(func() { p.re = regexp.MustCompile(`^(?:` + p.src + `)$`) })
	return p.re.MatchString(s)
}

// facts is the table, read when the first Cloud is made.
var facts = sync.OnceValue(func() map[string]*factService {
	all, err := loadFacts()
	if err != nil {
		panic("awssim: the embedded table of facts: " + err.Error())
	}
	return all
})

func loadFacts() (map[string]*factService, error) {
	files, err := factFiles.ReadDir("facts")
	if err != nil {
		return nil, err
	}
	all := map[string]*factService{}
	for _, f := range files {
		text, err := factFiles.ReadFile("facts/" + f.Name())
		if err != nil {
			return nil, err
		}
		s, err := parseFacts(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		all[s.name] = s
	}
	return all, nil
}

// parser reads one table.
type factParser struct {
	s  *factService
	op *factOp
	sh *shape
}

func parseFacts(text string) (*factService, error) {
	p := factParser{s: &factService{ops: map[string]*factOp{}, shapes: map[string]*shape{}}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return p.s, p.link()
}

func (p *factParser) line(line string) error {
	if line[0] == ' ' {
		return p.continued(line[1:])
	}
	f := splitFact(line)
	if len(f) < 2 {
		return fmt.Errorf("too few fields")
	}
	o := factOptions(f)
	switch f[0] {
	case "service":
		p.s.name, p.s.id, p.s.version, p.s.jsonVersion = f[1], o.get("id"), o.get("version"), o.get("json")
		p.s.target, p.s.xmlns, p.s.signing = o.get("target"), o.get("ns"), o.get("signing")
		p.s.protocols = strings.Split(o.get("protocols"), ",")
		p.s.global, p.s.queryCompatible = o.has("global"), o.has("querycompat")
	case "known":
		p.s.ops[f[1]] = &factOp{service: p.s, name: f[1], method: f[2], path: f[3]}
	case "op":
		p.op, p.sh = p.newOp(f, o), nil
	default:
		p.op, p.sh = nil, p.newShape(f, o)
	}
	return nil
}

func (p *factParser) newOp(f []string, o factOptions) *factOp {
	op := &factOp{service: p.s, name: f[1], method: f[2], path: f[3], simulated: true, inName: f[4], outName: f[5],
		wrapper: o.get("wrapper"), readonly: o.has("readonly"), noauth: o.has("noauth"), status: o.int("status")}
	if op.status == 0 {
		op.status = 200
	}
	p.s.ops[op.name] = op
	return op
}

func (p *factParser) newShape(f []string, o factOptions) *shape {
	sh := &shape{kind: f[0], name: f[1], payload: o.get("payload"), xmlName: o.get("xml"), xmlns: o.get("ns"), ts: o.get("ts"),
		isError: o.get("error") != "", status: o.int("error"), code: o.get("code"), fault: o.has("fault"), union: o.has("union"),
		flat: o.has("flat"), sensitive: o.has("sensitive"), min: o.number("min"), max: o.number("max")}
	switch sh.kind {
	case "list":
		sh.elem = &member{name: "member", shapeName: f[2], xmlName: o.get("xml")}
	case "map":
		sh.key = &member{name: "key", shapeName: f[2], xmlName: o.get("key")}
		sh.elem = &member{name: "value", shapeName: f[3], xmlName: o.get("value")}
	case "string":
		if e := o.get("enum"); e != "" {
			sh.enum = strings.Split(e, "|")
		}
		if s := o.get("pattern"); s != "" {
			sh.match = &pattern{src: s}
		}
		if s := o.get("not"); s != "" {
			sh.not = &pattern{src: s}
		}
	}
	p.s.shapes[sh.name] = sh
	return sh
}

func (p *factParser) continued(line string) error {
	f := splitFact(line)
	if p.op != nil && f[0] == "errors" {
		p.op.errors = f[1:]
		return nil
	}
	if p.sh == nil || p.sh.kind != "struct" || len(f) < 2 {
		return fmt.Errorf("a continuation that continues nothing")
	}
	o := factOptions(f[2:])
	m := &member{name: f[0], shapeName: f[1], xmlName: o.get("xml"), xmlns: o.get("ns"), ts: o.get("ts"),
		required: o.has("!"), flat: o.has("flat"), attr: o.has("attr"), stream: o.has("stream"), token: o.has("token")}
	for _, loc := range []string{"uri", "query", "header", "headers"} {
		if o.has(loc) {
			m.loc, m.wire = loc, o.get(loc)
		}
	}
	if o.has("status") {
		m.loc = "status"
	}
	p.sh.members = append(p.sh.members, m)
	return nil
}

// link turns names into pointers.
func (p *factParser) link() error {
	at := func(name string) (*shape, error) {
		if name == "-" || name == "" {
			return nil, nil
		}
		if sh := p.s.shapes[name]; sh != nil {
			return sh, nil
		}
		return nil, fmt.Errorf("shape %s is not in the table", name)
	}
	var err error
	for _, sh := range p.s.shapes {
		sh.byName = make(map[string]*member, len(sh.members))
		for _, m := range slices.Concat(sh.members, []*member{sh.key, sh.elem}) {
			if m == nil {
				continue
			}
			if m.shape, err = at(m.shapeName); err != nil {
				return err
			}
			sh.byName[m.name] = m
		}
	}
	for _, op := range p.s.ops {
		if op.in, err = at(op.inName); err != nil {
			return err
		}
		if op.out, err = at(op.outName); err != nil {
			return err
		}
		if op.in != nil && op.in.payload != "" {
			op.payload = op.in.byName[op.in.payload]
			if op.payload.stream {
				op.inStream = op.payload
			}
		}
	}
	p.s.routes = newRouter(p.s)
	return nil
}

// splitFact splits at spaces; a value that holds one is quoted as in Go.
func splitFact(line string) []string {
	var out []string
	for line != "" {
		end := strings.IndexByte(line, ' ')
		if end < 0 {
			end = len(line)
		}
		if q := strings.Index(line[:end], `="`); q >= 0 {
			quoted, err := strconv.QuotedPrefix(line[q+1:])
			if err == nil {
				value, _ := strconv.Unquote(quoted)
				out = append(out, line[:q+1]+value)
				line = strings.TrimPrefix(line[q+1+len(quoted):], " ")
				continue
			}
		}
		out = append(out, line[:end])
		line = strings.TrimPrefix(line[end:], " ")
	}
	return out
}

// factOptions are the key=value and bare fields of a line.
type factOptions []string

func (o factOptions) get(key string) string {
	for _, f := range o {
		if len(f) > len(key) && f[len(key)] == '=' && f[:len(key)] == key {
			return f[len(key)+1:]
		}
	}
	return ""
}

func (o factOptions) has(key string) bool {
	return slices.ContainsFunc(o, func(f string) bool { return f == key || strings.HasPrefix(f, key+"=") })
}

func (o factOptions) int(key string) int {
	n, _ := strconv.Atoi(o.get(key))
	return n
}

func (o factOptions) number(key string) *float64 {
	v := o.get(key)
	if v == "" {
		return nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return nil
	}
	return &n
}
