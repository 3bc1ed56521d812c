package digest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// MetadataSuffix ends the name of a file that holds what S3 kept with the file it is named
// after: the output of aws s3api head-object.
const MetadataSuffix = ".metadata.json"

// maxHead bounds the answer of a head-object: S3 keeps 2 kB of metadata with an object.
const maxHead = 1 << 20

// FromPaths gathers digests and log files from folders, as "aws s3 sync" leaves them: below a
// folder "AWSLogs". Links are not followed.
func FromPaths(ctx context.Context, paths []string) (Input, error) {
	in := Input{Keys: Keys{}}
	for _, path := range paths {
		full, err := filepath.Abs(path)
		if err != nil {
			return in, err
		}
		if _, err := os.Stat(full); err != nil {
			return in, fmt.Errorf("reading digests and log files: %w", err)
		}
		err = filepath.WalkDir(full, func(p string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				in.Problems = append(in.Problems, Problem{Kind: Unreadable, File: p, Why: err.Error()})
			case d.Type().IsRegular() && strings.HasSuffix(p, ".gz"):
				in.file(p)
			case !d.IsDir() && !d.Type().IsRegular():
				in.Problems = append(in.Problems, Problem{Kind: Unreadable, File: p, Why: "not a regular file; links are not followed"})
			}
			return nil
		})
		if err != nil {
			return in, err
		}
	}
	return in, nil
}

func (in *Input) file(path string) {
	key := tail(filepath.ToSlash(path))
	if digests, logs := folder(key); !strings.HasPrefix(key, root) || !digests && !logs {
		in.Problems = append(in.Problems, Problem{Kind: Unplaced, File: path, Why: "it lies below no AWSLogs/.../CloudTrail or CloudTrail-Digest folder: where it lay in the bucket cannot be told"})
		return
	}
	o := Object{Key: key, Path: path, NoMetadata: true, Open: func(context.Context) (io.ReadCloser, error) { return os.Open(path) }}
	switch head, err := readHead(path + MetadataSuffix); {
	case os.IsNotExist(err):
	case err != nil:
		in.Problems = append(in.Problems, Problem{Kind: Unreadable, File: path + MetadataSuffix, Why: err.Error()})
	default:
		o.NoMetadata, o.Modified = false, head.LastModified
		for name, v := range head.Metadata { // some tools write a header's capitals
			if strings.EqualFold(name, "signature") {
				o.Signature = v
			}
		}
	}
	in.Objects = append(in.Objects, o)
}

type head struct {
	Metadata     map[string]string
	LastModified time.Time
}

func readHead(path string) (head, error) {
	var h head
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close() // read only
	err = json.NewDecoder(io.LimitReader(f, maxHead)).Decode(&h)
	return h, err
}
