package timeline

import (
	"bytes"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// done turns what was parsed into an event, or says why it is none.
func (t *trailReader) done(line, offset int64) error {
	e := &t.ev
	switch {
	case t.raw.digest && t.raw.time == "":
		t.out.digests++
		return nil
	case !t.raw.object:
		t.out.Skip(t.in.Raw, line, offset, "not a CloudTrail record: not an object")
		return nil
	case t.raw.lookup && !t.raw.inner:
		t.out.Skip(t.in.Raw, line, offset, "a LookupEvents element whose CloudTrailEvent is missing or malformed")
		return nil
	case t.raw.time == "" && t.raw.windowStart == "" && e.RawAction == "" && e.ID == "":
		if known, err := t.other(line, offset); known || err != nil {
			return err
		}
		t.out.Skip(t.in.Raw, line, offset, "not a CloudTrail record: no eventTime, eventName, eventID")
		return nil
	}
	at := t.raw.time
	if at == "" {
		at = t.raw.windowStart
	}
	var err error
	if e.Time, err = t.out.clocks[0].parse(at); err != nil {
		t.out.Skip(t.in.Raw, line, offset, "a record without a readable eventTime")
		return nil
	}
	e.Kind, e.Source = KindCloudTrail, t.in.Name
	e.plain = safetext.Plain(t.whole) && bytes.IndexByte(t.whole, '\\') < 0
	e.Raw = t.in.Raw
	e.Raw.Line, e.Raw.Offset = line, offset
	t.normalise()
	if t.raw.twice {
		e.Tag(TagTwice)
		t.out.Skip(t.in.Raw, line, offset, "the event stands, with the last of what it says: a member is given twice, and other readers may take the first")
	}
	t.match(line, offset)
	return t.out.Emit(e)
}

func (t *trailReader) normalise() {
	e := &t.ev
	e.TimestampDesc = "Event Time"
	e.Service = strings.TrimSuffix(e.Service, ".amazonaws.com")
	e.Action = foldAction(e.Service, e.RawAction)
	resolvePrincipal(&e.Principal)
	e.InLambda = strings.Contains(e.UserAgent, "exec-env/AWS_Lambda_")
	t.special()
	t.parameters()
	resourcesOfError(e)
	e.Outcome = outcomeOf(e.ErrorCode, t.raw.loginResult)
	grants(e) // the message is made last, by annotator.message: it tells the tags too
}

// special handles the kinds of records that are not plain API calls.
func (t *trailReader) special() {
	e := &t.ev
	switch {
	case e.Category == "Aggregated" || t.raw.eventType == "AwsAggregatedEvent":
		e.Tag(TagAggregated)
		e.TimestampDesc = "Window Start"
		e.Change.Setting = t.raw.aggregate
		if e.Action == "" {
			e.Action, e.RawAction = "AggregatedEvents", "AggregatedEvents"
		}
	case e.Category == "NetworkActivity" || t.raw.eventType == "AwsVpceEvent":
		e.Tag(TagNetwork)
	}
}

// foldAction takes the API's date off the names of Lambda's control plane:
// UpdateFunctionCode20150331v2 is UpdateFunctionCode.
func foldAction(service, name string) string {
	if service != "lambda" {
		return name
	}
	s := name
	if i := strings.LastIndexByte(s, 'v'); i > 0 && i < len(s)-1 && digits(s[i+1:]) {
		s = s[:i]
	}
	if n := len(s) - 8; n > 0 && digits(s[n:]) && (s[n:n+2] == "20" || s[n:n+2] == "19") {
		return s[:n]
	}
	return name
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// resolvePrincipal names who acted, from what the identity has.
func resolvePrincipal(p *Principal) {
	last := p.ARN[strings.LastIndexByte(p.ARN, ':')+1:]
	switch p.Type {
	case "Root":
		p.Name = "root"
	case "AssumedRole":
		// assumed-role/ROLE/SESSION
		rest, assumed := strings.CutPrefix(last, "assumed-role/")
		if role, session, found := strings.Cut(rest, "/"); assumed && found {
			p.Session = session
			if p.Name == "" {
				p.Name = role
			}
		} else if i := strings.IndexByte(p.ID, ':'); i >= 0 && p.Session == "" {
			p.Session = p.ID[i+1:]
		}
	case "AWSService":
		if p.Name == "" {
			p.Name = p.Via
		}
	}
	if p.Name == "" && last != "" {
		p.Name = strings.TrimPrefix(strings.TrimPrefix(last, "user/"), "federated-user/")
	}
}

// outcomeOf classes an error code.
func outcomeOf(code string, loginFailed bool) Outcome {
	switch {
	case code == "" && !loginFailed:
		return Success
	case code == "":
		return Denied
	}
	bare := strings.TrimPrefix(strings.TrimPrefix(code, "Client."), "Server.")
	switch bare {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "NotAuthorized", "AuthorizationError",
		"VpceAccessDenied": // by a VPC endpoint policy, in network activity
		return Denied
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown":
		return Throttled
	}
	if strings.HasPrefix(bare, "NoSuch") || strings.Contains(bare, "NotFound") {
		return NotFound
	}
	return Failed
}

// resourcesOfError takes the resource of a denied call from its message, the only
// place where it stands: requestParameters is null there.
func resourcesOfError(e *Event) {
	const on = "on resource: "
	i := strings.Index(e.ErrorText, on)
	if i < 0 {
		return
	}
	arn := e.ErrorText[i+len(on):]
	if j := strings.IndexAny(arn, " ,\"'\n\t"); j >= 0 {
		arn = arn[:j]
	}
	arn = strings.TrimRight(arn, ".")
	if strings.HasPrefix(arn, "arn:") {
		e.addResource(arn)
		if e.Function == "" {
			e.setFunction(arn)
		}
	}
}

// maxResources bounds the resources of one event.
const maxResources = 16

func (e *Event) addResource(arn string) {
	if arn == "" || len(e.Resources) >= maxResources {
		return
	}
	for _, have := range e.Resources {
		if have == arn {
			return
		}
	}
	e.Resources = append(e.Resources, arn)
}

// setFunction takes a function from an ARN with or without qualifier, a partial ARN
// ("123456789012:function:name") or a name with or without qualifier.
func (e *Event) setFunction(s string) {
	arn, name, qualifier := splitFunction(s)
	if name == "" {
		return
	}
	if e.nameless(arn, name) {
		arn = string(e.appendARN(nil, name))
	}
	if arn == "" {
		arn = name
	}
	if e.Function == "" || e.Function == name {
		e.Function = arn
	}
	if qualifier != "" {
		e.Qualifier = qualifier
	}
}

// nameless says that a function is given by its name alone, of which an ARN can be made.
func (e *Event) nameless(arn, name string) bool {
	return !strings.HasPrefix(arn, "arn:") && e.Region != "" && e.Account != "" && plainName(name)
}

func (e *Event) appendARN(b []byte, name string) []byte {
	for _, s := range [...]string{"arn:", partitionOf(e.Region), ":lambda:", e.Region, ":", e.Account, ":function:", name} {
		b = append(b, s...)
	}
	return b
}

// splitFunction gives the unqualified ARN ("" if s has none), the name and the qualifier.
func splitFunction(s string) (arn, name, qualifier string) {
	if strings.HasPrefix(s, "arn:") {
		var colons [7]int // arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER
		n := 0
		for i := 0; i < len(s) && n < len(colons); i++ {
			if s[i] == ':' {
				colons[n] = i
				n++
			}
		}
		if n < 6 || s[colons[1]+1:colons[2]] != "lambda" || s[colons[4]+1:colons[5]] != "function" {
			return "", "", ""
		}
		if n == 6 {
			return s, s[colons[5]+1:], ""
		}
		return s[:colons[6]], s[colons[5]+1 : colons[6]], s[colons[6]+1:]
	}
	if i := strings.Index(s, "function:"); i == 0 || i > 0 && s[i-1] == ':' {
		s = s[i+len("function:"):]
	}
	name, qualifier, _ = strings.Cut(s, ":")
	return "", name, qualifier
}

// plainName: nothing but what Lambda allows in a name, so that an ARN made of it is one.
func plainName(s string) bool {
	for _, c := range s {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 140
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// functionName is the name of a function given by ARN or name.
func functionName(s string) string {
	_, name, _ := splitFunction(s)
	return name
}

// direct says whether the principal itself sent the request, from an address; AWS
// services that act on with a session's credentials write their own name there.
func direct(e *Event) bool {
	internal := strings.HasPrefix(e.Address, "AWS Internal") || strings.HasPrefix(e.UserAgent, "AWS Internal")
	return e.Principal.Via == "" && e.Address != "" && !internal && !strings.HasSuffix(e.Address, ".amazonaws.com")
}

// parseTime reads RFC 3339, the usual form of CloudTrail without detours.
func parseTime(s string) (time.Time, error) {
	if len(s) == 20 && s[19] == 'Z' && s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' && s[16] == ':' &&
		digits(s[:4]) && digits(s[5:7]) && digits(s[8:10]) && digits(s[11:13]) && digits(s[14:16]) && digits(s[17:19]) {
		y, mo, d := atoi(s[:4]), atoi(s[5:7]), atoi(s[8:10])
		h, mi, sec := atoi(s[11:13]), atoi(s[14:16]), atoi(s[17:19])
		if y >= 1970 && y <= 2200 && mo >= 1 && mo <= 12 && d >= 1 && d <= 28 && h < 24 && mi < 60 && sec < 60 {
			return time.Date(y, time.Month(mo), d, h, mi, sec, 0, time.UTC), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			if y := t.Year(); y < 1970 || y > 2200 { // outside what nanoseconds in int64 hold
				return time.Time{}, errSyntax
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, errSyntax
}

// clock parses times of which most are of the day of the one before.
type clock struct {
	day      [len("2026-03-01T")]byte
	midnight int64
}

func (c *clock) parse(s string) (time.Time, error) {
	const size, date = 20, len(c.day)
	usual := len(s) == size && s[size-1] == 'Z'
	if usual && s[:date] == string(c.day[:]) && s[13] == ':' && s[16] == ':' && digits(s[11:13]) && digits(s[14:16]) && digits(s[17:19]) {
		if h, m, sec := atoi(s[11:13]), atoi(s[14:16]), atoi(s[17:19]); h < 24 && m < 60 && sec < 60 {
			return time.Unix(c.midnight+int64(3600*h+60*m+sec), 0).UTC(), nil
		}
	}
	t, err := parseTime(s)
	if err == nil && usual && s[date-1] == 'T' {
		copy(c.day[:], s)
		c.midnight = t.Unix() - t.Unix()%(24*60*60)
	}
	return t, err
}

func atoi(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
