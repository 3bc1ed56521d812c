// Package vault is where a case lives: a flat namespace of objects that are
// written once and never changed. A folder implements it here; package s3vault
// implements it on a bucket with Object Lock. Both pass vaulttest.
package vault

import (
	"context"
	"errors"
	"io"
	"iter"
)

var (
	// ErrExists: the name is taken. Nothing was written.
	ErrExists = errors.New("object exists")
	// ErrNotFound: no object of that name.
	ErrNotFound = errors.New("object not found")
	// ErrFull: no space is left, or a quota is used up.
	ErrFull = errors.New("no space left")
	// ErrGone: the place itself (folder, bucket) is not there.
	ErrGone = errors.New("vault is gone")
	// ErrName: the name is outside the vault's alphabet.
	ErrName = errors.New("unsafe object name")
	// ErrBody: the body is not what size and hash announced. Nothing was written.
	ErrBody = errors.New("body differs from its announced size or hash")
)

// Entry is one stored object. Names use '/' and consist of safe characters.
type Entry struct {
	Name    string
	Size    int64
	Version string // S3 VersionId; Unversioned where the bucket keeps none, "" in a folder
	Marker  bool   // an S3 delete marker: somebody tried to hide the object
	Odd     string // "" for an object; otherwise why it is none: OddLeftover, "symbolic link", ...
}

// OddLeftover is Entry.Odd of what an interrupted write left behind.
const OddLeftover = "left by an interrupted write"

// Unversioned is S3's VersionId of what was written while the bucket kept no versions: it
// can be overwritten and deleted without a trace.
const Unversioned = "null"

// Stager is a Vault that takes bytes before their size and hash are known, so that
// nothing is spooled elsewhere first. A folder is one; a bucket is not.
type Stager interface {
	// Stage starts an object. It becomes visible with Commit, whole and durable.
	Stage(ctx context.Context, name string) (Staged, error)
}

// Staged is an object being written.
type Staged interface {
	io.Writer
	// Commit makes it visible: ErrExists if the name was taken meanwhile.
	Commit(ctx context.Context) (Entry, error)
	// Discard drops it; after Commit it does nothing.
	Discard() error
}

// Batcher is a Stager in which many objects are finished cheaper together than one by one.
// errs[i] belongs to objects[i]; they are all the vault's own.
type Batcher interface {
	Stager
	// Settle makes their bytes durable. They are not visible yet.
	Settle(ctx context.Context, objects []Staged) (errs []error)
	// CommitAll is Commit of each.
	CommitAll(ctx context.Context, objects []Staged) (entries []Entry, errs []error)
}

// Sweeper is a Vault in which a write that was killed leaves something behind.
type Sweeper interface {
	// Sweep removes what no living process is writing.
	Sweep(ctx context.Context) error
}

// Vault stores objects create-only. Safe for concurrent use.
type Vault interface {
	// Create writes an object if the name is free (ErrExists otherwise): whole and
	// durable when it returns nil, absent or whole after a crash. body is read
	// from its start; size and sha256 (of the body) are what was computed while
	// spooling, and the vault refuses a body that differs.
	Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sha256 [32]byte) (Entry, error)
	// Open reads an object. ErrNotFound if there is none.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List yields what lies under the prefix, by name; in a bucket all versions.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]
	// String is the location as given: a folder path or s3://bucket/prefix.
	String() string
}
