package vault

import "errors"

// NewFolder is a vault in a local folder, which is made (0700) if it is missing.
func NewFolder(path string) (*Folder, error) { return nil, errors.New("not built yet") }

// OpenFolder is a vault in a folder that must be there (ErrGone).
func OpenFolder(path string) (*Folder, error) { return nil, errors.New("not built yet") }

// Folder is a vault in a local folder.
type Folder struct{ path string }
