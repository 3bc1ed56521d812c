package finding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrFindings: not a list of findings.
var ErrFindings = errors.New("not a file of findings")

// Schema names the shape of a file of findings.
const Schema = "freezeframe.findings/1"

// maxFile bounds a file of findings.
const maxFile = 64 << 20

// Read reads {"schema": ..., "findings": [...]}, strictly.
func Read(r io.Reader) ([]Finding, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the findings: %w", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrFindings, maxFile)
	}
	var file struct {
		Schema   string     `json:"schema"`
		Findings *[]Finding `json:"findings"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFindings, err)
	}
	if file.Findings == nil {
		return nil, fmt.Errorf("%w: it has no findings", ErrFindings)
	}
	return *file.Findings, nil
}
