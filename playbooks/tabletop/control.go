package tabletop

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// A served exercise tells everybody that it is one, and lets whoever has its token lead it.
const (
	// ExercisePath is where an account says of which exercise it is.
	ExercisePath = "/.freezeframe/exercise"
	// ExerciseHeader marks that answer, which others' emulators do not give.
	ExerciseHeader = "X-Freezeframe-Exercise"
	controlPath    = "/.freezeframe/control/"
)

// Server serves an exercise: the account, what it is, and what the facilitator asks of it.
type Server struct {
	World *World
	Token string
	// Open opens the case that is to be scored.
	Open func(ctx context.Context, where string) (*evidence.Case, error)

	Before []Try
}

// State is how a served exercise stands.
type State struct {
	Schema   string    `json:"schema"`
	Banner   string    `json:"banner"`
	Exercise string    `json:"exercise"`
	Now      time.Time `json:"now"`
	Minutes  int       `json:"minutes"` // since responders came in
	Of       int       `json:"of"`
	Paused   bool      `json:"paused"`
	Told     []Told    `json:"told"`
	Calls    int       `json:"calls_by_responders"`
	Hints    int       `json:"hints_left"`
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

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if s.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) != 1 {
		http.Error(w, "not with this token", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST is wanted", http.StatusMethodNotAllowed)
		return
	}
	args, err := io.ReadAll(io.LimitReader(r.Body, 4096))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := s.do(r.Context(), strings.TrimPrefix(r.URL.Path, controlPath), string(args))
	if err != nil {
		code := http.StatusInternalServerError
		if errors.Is(err, ErrNoInject) {
			code = http.StatusNotFound
		}
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}

func (s *Server) do(ctx context.Context, verb, arg string) (any, error) {
	switch verb {
	case "status":
	case "pause":
		s.World.Pause()
	case "resume":
		s.World.Resume()
	case "inject":
		return s.World.InjectNow(arg)
	case "hint":
		return s.World.Hint()
	case "score":
		c, err := s.Open(ctx, arg)
		if err != nil {
			return nil, err
		}
		return s.World.Score(ctx, c, s.Before)
	default:
		return nil, ErrNoInject
	}
	return s.state(), nil
}

func (s *Server) state() State {
	w := s.World
	now := w.Now()
	out := State{Schema: "freezeframe/tabletop-status/v1", Banner: "EXERCISE", Exercise: w.ID, Now: now.UTC(), Minutes: int(now.Sub(w.start) / time.Minute),
		Of: int(w.Scenario.Lasts / time.Minute), Paused: w.Paused(), Told: append([]Told{}, w.Heard()...)}
	w.mu.Lock()
	out.Hints = len(w.Scenario.Hints) - len(w.hints)
	w.mu.Unlock()
	for _, c := range w.Cloud.Calls() {
		if c.KeyID == w.Responder.AccessKeyID {
			out.Calls++
		}
	}
	return out
}
