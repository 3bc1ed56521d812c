package tabletop

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// A served exercise tells everybody that it is one, lets whoever has the facilitator's token lead
// it, and whoever has the players' token ask for what a player may know.
const (
	// ExercisePath is where an account says of which exercise it is.
	ExercisePath = "/.freezeframe/exercise"
	// ExerciseHeader marks that answer, which others' emulators do not give.
	ExerciseHeader = "X-Freezeframe-Exercise"
	controlPath    = "/.freezeframe/control/"
)

// maxRequest bounds what is sent to lead an exercise: a note, a reason.
const maxRequest = 64 << 10

// Server serves an exercise: the account, what it is, and what its people ask of it.
type Server struct {
	World   *World
	Token   string // the facilitator's; without it nobody leads
	Players string // the players'; without it they have the account alone
	// Open opens the case that is to be scored.
	Open func(ctx context.Context, where string) (*evidence.Case, error)

	Before []Try
}

// ServeHTTP answers as the account, but for the exercise's own paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == ExercisePath:
		w.Header().Set(ExerciseHeader, s.World.ID)
		_, _ = io.WriteString(w, s.World.ID+"\n") // the client may be gone
	case strings.HasPrefix(r.URL.Path, controlPath):
		s.control(w, r)
	default:
		s.World.Cloud.ServeHTTP(w, r)
	}
}

// PlayersMay are the verbs that the players' token is good for. None of them says anything of what
// is hidden.
func PlayersMay() []string { return []string{"status", "decide", "hint", "hotwash"} }

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	verb := strings.TrimPrefix(r.URL.Path, controlPath)
	leads := holds(s.Token, given)
	if !leads && !(holds(s.Players, given) && slices.Contains(PlayersMay(), verb)) {
		http.Error(w, "not with this token", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST is wanted", http.StatusMethodNotAllowed)
		return
	}
	args, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := s.do(r.Context(), verb, args, leads)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}

func holds(token, given string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}

func statusOf(err error) int {
	for _, of := range []struct {
		err  error
		code int
	}{
		{ErrNoInject, http.StatusNotFound}, {ErrNotAsked, http.StatusNotFound}, {ErrNoOption, http.StatusBadRequest}, {ErrNoRole, http.StatusBadRequest},
		{ErrObservation, http.StatusBadRequest}, {errRequest, http.StatusBadRequest}, {ErrNotTheir, http.StatusForbidden}, {ErrDecided, http.StatusConflict},
	} {
		if errors.Is(err, of.err) {
			return of.code
		}
	}
	return http.StatusInternalServerError
}

var errRequest = errors.New("the request is not as it should be")

func (s *Server) do(ctx context.Context, verb string, args []byte, leads bool) (any, error) {
	switch verb {
	case "status":
		if !leads {
			return s.World.Seen(), nil
		}
	case "pause":
		s.World.Pause()
	case "resume":
		s.World.Resume()
	case "inject":
		return s.World.InjectNow(string(args))
	case "hint":
		return s.World.Hint()
	case "decide":
		var ch Choice
		if err := json.Unmarshal(args, &ch); err != nil {
			return nil, fmt.Errorf("%w: %w", errRequest, err)
		}
		return s.World.Decide(ch)
	case "note", "hotwash":
		var o Observation
		if err := json.Unmarshal(args, &o); err != nil {
			return nil, fmt.Errorf("%w: %w", errRequest, err)
		}
		if (verb == "note") != (o.Kind == Private) {
			return nil, fmt.Errorf("%w: a note is private, and what is said in the hot wash is not", ErrObservation)
		}
		return s.World.Observe(o)
	case "score":
		c, err := s.Open(ctx, string(args))
		if err != nil {
			return nil, err
		}
		return s.World.Score(ctx, c, s.Before)
	default:
		return nil, ErrNoInject
	}
	return s.World.State(), nil
}
