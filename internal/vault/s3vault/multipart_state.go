package s3vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

const (
	stateFormat = "freezeframe/s3-upload/v1"
	maxState    = 64 << 10 // bytes read of a state file; one has less than 4 KiB
	// maxSettingsAge is how much earlier than asked for an upload that is taken up again may
	// let its retention end: a date is given when an upload starts, and cannot be moved.
	maxSettingsAge = 24 * time.Hour
)

// uploadState is what another process needs to go on with an upload. It holds no secret.
type uploadState struct {
	Format   string    `json:"format"`
	Bucket   string    `json:"bucket"`
	Key      string    `json:"key"` // with the vault's prefix
	UploadID string    `json:"uploadId"`
	Size     int64     `json:"size"`     // bytes of the object
	SHA256   string    `json:"sha256"`   // of the object, hex
	PartSize int64     `json:"partSize"` // bytes of every part but the last
	Started  time.Time `json:"started"`
	// Completing: S3 may have been told to make the object of the parts, so that an object
	// of this name may be this upload's.
	Completing bool `json:"completing"`

	RetentionMode string    `json:"retentionMode,omitempty"`
	RetainUntil   time.Time `json:"retainUntil,omitzero"`
	LegalHold     bool      `json:"legalHold,omitempty"`
	KMSKey        string    `json:"kmsKey,omitempty"`
}

// newState is that of an upload which is about to start.
func (v *Vault) newState(key string, size int64, sum [32]byte) uploadState {
	s := uploadState{
		Format: stateFormat, Bucket: v.o.Bucket, Key: key, Size: size, SHA256: hex.EncodeToString(sum[:]),
		PartSize: v.partSize(size), Started: v.o.Now().UTC().Truncate(time.Second),
		RetentionMode: string(v.o.RetentionMode), LegalHold: v.o.LegalHold, KMSKey: v.o.KMSKey,
	}
	if v.o.RetentionMode != "" {
		s.RetainUntil = v.o.RetainUntil.UTC()
	}
	return s
}

// continues says whether the upload of s is one of what want describes: of the same bytes,
// and making an object that is locked and encrypted as wanted.
func (s uploadState) continues(want uploadState) bool {
	return s.UploadID != "" && s.Size == want.Size && s.SHA256 == want.SHA256 &&
		s.PartSize > 0 && s.PartSize <= maxPart && parts(s.Size, s.PartSize) <= maxParts &&
		s.RetentionMode == want.RetentionMode && s.LegalHold == want.LegalHold && s.KMSKey == want.KMSKey &&
		!s.RetainUntil.Before(want.RetainUntil.Add(-maxSettingsAge))
}

// statePath is the file of a key: "" without a folder for it. A bucket's name has no '/'.
func (v *Vault) statePath(key string) string {
	if v.o.StateDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(v.o.Bucket + "/" + key))
	return filepath.Join(v.o.StateDir, hex.EncodeToString(sum[:])+".json")
}

// loadState reads the state of a key: the zero value if there is none. What is no state of
// this key is none; it is overwritten, for it must not keep evidence from being stored.
func (v *Vault) loadState(key string) (uploadState, error) {
	path := v.statePath(key)
	if path == "" {
		return uploadState{}, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return uploadState{}, nil
	}
	if err != nil {
		return uploadState{}, fmt.Errorf("read state of upload to %s: %w", v, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxState))
	if err = errors.Join(err, f.Close()); err != nil {
		return uploadState{}, fmt.Errorf("read state of upload to %s: %w", v, err)
	}
	var s uploadState
	if json.Unmarshal(data, &s) != nil || s.Format != stateFormat || s.Bucket != v.o.Bucket || s.Key != key {
		return uploadState{}, nil
	}
	return s, nil
}

// saveState makes the state durable: before a part is sent, and before S3 is told to complete.
func (v *Vault) saveState(s uploadState) error {
	path := v.statePath(s.Key)
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = durable.MakeDir(v.o.StateDir, 0o700)
	}
	if err == nil {
		err = durable.WriteFile(path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep state of upload to %s: %w", v, err)
	}
	return nil
}

// dropState forgets the upload. A state that comes back after a power cut names an upload
// that is gone, which the next Create of the name finds out.
func (v *Vault) dropState(key string) error {
	path := v.statePath(key)
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove state of upload to %s: %w", v, err)
	}
	return nil
}

// keyLocks lets one upload at a time work on a name: two that share a state would take it
// from each other. Other processes are not kept out: there the loser starts over.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when let go
}

func newKeyLocks() *keyLocks { return &keyLocks{held: map[string]chan struct{}{}} }

func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		other, busy := l.held[key]
		if !busy {
			mine := make(chan struct{})
			l.held[key] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.held, key)
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
