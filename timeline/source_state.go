package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Collected documents tell moments of their own: when a function was last modified,
// when a URL or a role was made. They say that it happened, never who did it.

// maxDocument bounds a collected document.
const maxDocument = 64 << 20

// stateSource reads a JSON document of type D and emits what read makes of it.
func stateSource[D any](name, about, artefact string, read func(d D, emit func(Event))) Source {
	return Source{
		Name: name, About: about,
		Reads: func(it evidence.Item) bool { return it.Artefact == artefact },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			var d D
			body, err := io.ReadAll(io.LimitReader(in.R, maxDocument+1))
			if err != nil {
				return err
			}
			if len(body) > maxDocument {
				out.Skip(in.Raw, 0, 0, fmt.Sprintf("a document of more than %d bytes", maxDocument))
				return nil
			}
			if err := json.Unmarshal(body, &d); err != nil {
				out.Skip(in.Raw, 0, 0, "malformed document: "+err.Error())
				return nil
			}
			n := int64(0)
			read(d, func(e Event) {
				n++
				if err != nil {
					return
				}
				if e.Time.IsZero() {
					out.Skip(in.Raw, 0, n, "a fact without a readable time: "+e.ID)
					return
				}
				e.Kind, e.Source, e.Raw = KindState, in.Name, in.Raw
				e.Raw.Line = n
				e.Account, e.Region = in.Item.Source.Account, in.Item.Source.Region
				e.RawAction = e.Action
				bound(&e)
				err = out.Emit(&e)
			})
			return err
		},
	}
}

// bound cuts what documents of an account may hold at any length.
func bound(e *Event) {
	p, c := &e.Principal, &e.Change
	for _, s := range []*string{
		&e.Message, &e.ID, &e.Function, &e.Qualifier, &e.Service, &e.Action, &e.RawAction, &e.AccessKey, &e.Address, &e.UserAgent, &e.ErrorCode, &e.Account, &e.Region,
		&c.CodeHash, &c.Version, &c.Role, &c.URL, &c.AuthType, &c.Layers, &c.Grantee, &c.Allows, &c.Setting, &p.Type, &p.Name, &p.Session, &p.ID, &p.Account, &p.Role, &p.Function,
	} {
		*s = cut(*s, MaxField)
	}
}

type configuration struct {
	FunctionArn, CodeSha256, Version, Role, LastModified string
	Layers                                               []struct{ Arn string }
}

func configurationSource() Source {
	return stateSource("configuration", "when each version of a function was last modified, and the code it has", "lambda.configuration",
		func(d struct{ Configuration configuration }, emit func(Event)) { emit(d.Configuration.event()) })
}

func versionsSource() Source {
	return stateSource("versions", "the same, from the listing of versions", "lambda.configuration.versions",
		func(d struct{ Versions []configuration }, emit func(Event)) {
			for _, c := range d.Versions {
				emit(c.event())
			}
		})
}

// event is the same for the same fact, whichever listing told it.
func (c configuration) event() Event {
	arn, name, _ := splitFunction(c.FunctionArn)
	at, _ := parseTime(c.LastModified)
	var layers []string
	for _, l := range c.Layers[:min(len(c.Layers), maxResources)] {
		layers = append(layers, l.Arn)
	}
	verb := "was last modified"
	if c.Version != "$LATEST" {
		verb = "was published"
	}
	e := Event{
		Time: at, TimestampDesc: "Function Last Modified", Service: "lambda", Action: "FunctionModified",
		Function: arn, Qualifier: c.Version,
		Change:  Change{CodeHash: c.CodeSha256, Version: c.Version, Role: c.Role, Layers: strings.Join(layers, ",")},
		ID:      strings.Join([]string{"state", c.FunctionArn, c.Version, c.CodeSha256, c.LastModified}, "|"),
		Message: fmt.Sprintf("function %s:%s %s; it has code %s", name, c.Version, verb, c.CodeSha256),
	}
	return e
}

type urlConfig struct {
	FunctionArn, FunctionUrl, AuthType, CreationTime, LastModifiedTime string
}

func urlSource() Source {
	return stateSource("urls", "when function URLs were made and changed", "lambda.urls",
		func(d struct{ FunctionUrlConfigs []urlConfig }, emit func(Event)) {
			for _, u := range d.FunctionUrlConfigs {
				emit(u.event(u.CreationTime, "Function URL Creation", "made"))
				if u.LastModifiedTime != "" && u.LastModifiedTime != u.CreationTime {
					emit(u.event(u.LastModifiedTime, "Function URL Last Modified", "changed"))
				}
			}
		})
}

func (u urlConfig) event(when, desc, verb string) Event {
	at, _ := parseTime(when)
	arn, name, qualifier := splitFunction(u.FunctionArn)
	e := Event{
		Time: at, TimestampDesc: desc, Service: "lambda", Action: "FunctionURL", Function: arn, Qualifier: qualifier,
		Change:  Change{URL: u.FunctionUrl, AuthType: u.AuthType},
		ID:      strings.Join([]string{"url", u.FunctionArn, u.FunctionUrl, u.AuthType, when, verb}, "|"),
		Message: fmt.Sprintf("function URL %s of %s was %s; it now has auth type %s", u.FunctionUrl, name, verb, u.AuthType),
		Tags:    []string{TagURL},
	}
	if u.AuthType == "NONE" {
		e.Tag(TagPublicGrant)
	}
	return e
}

func mappingSource() Source {
	type mapping struct {
		UUID, FunctionArn, EventSourceArn, State, LastModified string
	}
	return stateSource("mappings", "when event source mappings were last modified", "lambda.mappings",
		func(d struct{ EventSourceMappings []mapping }, emit func(Event)) {
			for _, m := range d.EventSourceMappings {
				at, _ := parseTime(m.LastModified)
				arn, name, qualifier := splitFunction(m.FunctionArn)
				emit(Event{
					Time: at, TimestampDesc: "Event Source Mapping Last Modified", Service: "lambda", Action: "EventSourceMapping",
					Function: arn, Qualifier: qualifier, Resources: []string{m.UUID},
					ID:      strings.Join([]string{"mapping", m.UUID, m.State, m.LastModified}, "|"),
					Message: fmt.Sprintf("event source mapping %s from %s to %s was last modified; it is %s", m.UUID, m.EventSourceArn, name, m.State),
				})
			}
		})
}

func roleSource() Source {
	type role struct {
		Arn, CreateDate string
		RoleLastUsed    struct{ LastUsedDate, Region string }
	}
	return stateSource("role", "when the execution role was made and last used", "iam.role",
		func(d struct{ Role role }, emit func(Event)) {
			one := func(when, desc, action, verb string) {
				if when == "" {
					return
				}
				at, _ := parseTime(when)
				emit(Event{
					Time: at, TimestampDesc: desc, Service: "iam", Action: action,
					Change: Change{Role: d.Role.Arn}, Resources: []string{d.Role.Arn},
					ID:      strings.Join([]string{"role", d.Role.Arn, action, at.Format(time.RFC3339)}, "|"),
					Message: fmt.Sprintf("role %s was %s", d.Role.Arn, verb),
				})
			}
			one(d.Role.CreateDate, "Role Creation", "RoleCreated", "made")
			one(d.Role.RoleLastUsed.LastUsedDate, "Role Last Used", "RoleLastUsed", "last used as far as IAM had noticed")
		})
}
