package hostile

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Place is where AWS keeps text of its users, or says it of them.
type Place struct {
	Name    string
	Service string // of the model whose Shape the text is; "" where no shape bounds it
	Shape   string
	Max     int    // as the shape says; 0 is none
	Pattern string // as the shape says; "" is none
	Room    int    // of bytes, where the service has a limit that its model does not say
	XML     bool   // the API speaks XML 1.0, which has no word for most control characters
}

// Places are those that a collection reads, with AWS's own bounds.
func Places() []Place {
	const tags = `([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`
	return []Place{
		{Name: "alias description", Service: "lambda", Shape: "Description", Max: 256},
		{Name: "version description", Service: "lambda", Shape: "Description", Max: 256},
		{Name: "layer description", Service: "lambda", Shape: "Description", Max: 256},
		{Name: "layer licence", Service: "lambda", Shape: "LicenseInfo", Max: 512, Pattern: `.*`},
		{Name: "handler", Service: "lambda", Shape: "Handler", Max: 128, Pattern: `[^\s]+`},
		{Name: "environment value", Service: "lambda", Shape: "EnvironmentVariableValue", Room: 3000},
		{Name: "function tag", Service: "lambda", Shape: "TagValue", Max: 256, Pattern: tags},
		{Name: "function URL origin", Service: "lambda", Shape: "Origin", Max: 253, Pattern: `.*`},
		{Name: "log stream name", Service: "logs", Shape: "LogStreamName", Max: 512, Pattern: `[^:*]*`},
		{Name: "log message", Service: "logs", Shape: "EventMessage", Room: 256 << 10},
		{Name: "subscription filter name", Service: "logs", Shape: "FilterName", Max: 512, Pattern: `[^:*]*`},
		{Name: "rule description", Service: "events", Shape: "RuleDescription", Max: 512},
		{Name: "role description", Service: "iam", Shape: "roleDescriptionType", Max: 1000, Pattern: `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`, XML: true},
		// Within the document's JSON, where a condition's value is spelled in ASCII.
		{Name: "condition of an inline policy", Room: 4 << 10},
		{Name: "parameter description", Service: "ssm", Shape: "ParameterDescription", Max: 1024},
		{Name: "secret description", Service: "secretsmanager", Shape: "DescriptionType", Max: 2048},
		{Name: "key description", Service: "kms", Shape: "DescriptionType", Max: 8192},
		{Name: "schedule description", Service: "scheduler", Shape: "Description", Max: 512},
		{Name: "alarm description", Service: "cloudwatch", Shape: "AlarmDescription", Max: 1024},
		{Name: "API description", Service: "apigateway", Shape: "String", Room: 1024},
		{Name: "distribution comment", Room: 128, XML: true}, // CloudFront's limit, by its API reference
		{Name: "trace annotation", Service: "xray", Shape: "TraceSegmentDocument", Room: 1000},
		{Name: "GuardDuty finding", Service: "guardduty", Shape: "String", Room: 2048},
		{Name: "Inspector finding", Service: "inspector2", Shape: "FindingTitle", Max: 1024},
		{Name: "recorded configuration", Service: "config", Shape: "Configuration", Room: 64 << 10},
		{Name: "user agent", Room: 1024},       // CloudTrail cuts it there, by its user guide
		{Name: "request parameter", Room: 256}, // what Lambda takes as a description
		{Name: "error message", Room: 1024},    // CloudTrail's documented length
		{Name: "object key", Service: "s3", Shape: "ObjectKey", Room: 512, XML: true},
	}
}

// Takes says whether AWS would keep a text there as it is.
func (p Place) Takes(text string) bool {
	n := utf8.RuneCountInString(text)
	if text == "" || !utf8.ValidString(text) || p.Max > 0 && n > p.Max || p.Room > 0 && len(text) > p.Room || p.XML && !inXML(text) {
		return false
	}
	return p.Pattern == "" || p.expression().MatchString(text)
}

var hexEscape = regexp.MustCompile(`\\u([0-9A-F]{4})`)

// expression is the pattern as Go spells it.
func (p Place) expression() *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + hexEscape.ReplaceAllString(p.Pattern, `\x{$1}`) + `)\z`)
}

// inXML says whether XML 1.0 can say the text (its production 2, Char), and a reader gets
// it back: a parser makes \n of \r.
func inXML(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff
	})
}

// Packed puts the texts that a place takes into as few values as hold them whole.
func (p Place) Packed(all []Text) (values []string, held []Text) {
	room := func(s string) bool { return p.Takes(s) }
	at := -1
	for _, t := range all {
		switch {
		case at >= 0 && room(values[at]+"_"+t.Text):
			values[at] += "_" + t.Text
		case room(t.Text):
			values = append(values, t.Text)
			at = len(values) - 1
		default:
			continue
		}
		held = append(held, t)
	}
	return values, held
}
