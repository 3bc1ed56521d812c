package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit codes of every command.
const (
	ExitOK         = 0 // complete, intact
	ExitError      = 1
	ExitUsage      = 2
	ExitIncomplete = 3 // done, with recorded gaps
	ExitRefused    = 4
	ExitDamaged    = 5
	ExitNotPinned  = 6 // intact, but the signer is not pinned
	ExitFindings   = 7 // findings at or above --fail-on
)

// Error is an error that already knows how the process should end. Hint is a
// command that can be run next.
type Error struct {
	Code int
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Usage is an error of the command line.
func Usage(format string, args ...any) error {
	return &Error{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// UsageHint is Usage with the command that helps.
func UsageHint(hint, format string, args ...any) error {
	return &Error{Code: ExitUsage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Incomplete ends a run that did its work and had to leave gaps.
func Incomplete(hint, format string, args ...any) error {
	return &Error{Code: ExitIncomplete, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Damaged ends a verification that found damage.
func Damaged(format string, args ...any) error {
	return &Error{Code: ExitDamaged, Err: fmt.Errorf(format, args...)}
}

// NotPinned ends a verification that found no damage, and nobody trusted who signed.
func NotPinned(hint, format string, args ...any) error {
	return &Error{Code: ExitNotPinned, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Findings ends a check that found something that must not be so.
func Findings(format string, args ...any) error {
	return &Error{Code: ExitFindings, Err: fmt.Errorf(format, args...)}
}

type hinter interface {
	error
	Hint() string
}

// Explain turns an error into an exit code, one line and, where there is one,
// the command that would fix it.
func Explain(err error) (code int, line, hint string) {
	if err == nil {
		return ExitOK, "", ""
	}
	line = oneLine(err)
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code, line, e.Hint
	}
	for _, h := range hints() {
		if h.is(err) {
			// An error that knows its own command, because it knows the names, goes first.
			if own, ok := errors.AsType[hinter](err); ok {
				return h.code, line, own.Hint()
			}
			return h.code, line, h.hint
		}
	}
	if errors.Is(err, context.Canceled) {
		return ExitError, "interrupted: " + line, ""
	}
	return ExitError, line, ""
}

// Report prints the error as two lines on stderr and returns the exit code.
func (s *Streams) Report(err error) int {
	code, line, hint := Explain(err)
	if code == ExitOK {
		return code
	}
	p := &Printer{w: s.Err, color: s.Color && s.ErrTTY}
	p.Line("%s %s", p.Bad("freezeframe:"), line)
	if hint != "" {
		p.Line("  next: %s", hint)
	}
	return code
}

// oneLine is the message on one line. Long API errors keep their beginning, which names what was done.
func oneLine(err error) string {
	const most = 600
	line := strings.Join(strings.Fields(err.Error()), " ")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "..."
	}
	return line
}
