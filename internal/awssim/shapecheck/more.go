package shapecheck

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed more.json
var more []byte

// More adds to a service's model what the trimmed models leave out and the simulator has:
// operations and shapes as botocore's own model has them, word for word.
func More(service string, model any) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(more, &all); err != nil {
		return fmt.Errorf("reading more API shapes: %w", err)
	}
	if all[service] == nil {
		return nil
	}
	if err := json.Unmarshal(all[service], model); err != nil {
		return fmt.Errorf("reading more API shapes of %s: %w", service, err)
	}
	return nil
}
