package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/awssim/shapecheck"
)

// model is a botocore service model, as far as the wire depends on it.
type model struct {
	Metadata struct {
		APIVersion, EndpointPrefix, GlobalEndpoint, JSONVersion, Protocol, ServiceID, SigningName, TargetPrefix, XMLNamespace string
		Protocols                                                                                                             []string
		AWSQueryCompatible                                                                                                    map[string]any
	}
	Operations map[string]operation
	Shapes     map[string]shape
	Pagination map[string]page
}

type operation struct {
	Name string
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output   *ref
	Errors          []ref
	ReadOnly        bool
	AuthType        string
	UnsignedPayload bool
}

type ref struct {
	Shape, Location, LocationName, ResultWrapper string
	Flattened, Streaming, XMLAttribute           bool
	IdempotencyToken                             bool
	XMLNamespace                                 *namespace
	TimestampFormat                              string
}

type namespace struct{ URI, Prefix string }

type shape struct {
	Type, Payload, Pattern, TimestampFormat, LocationName string
	Members                                               members
	Required, Enum                                        []string
	Member, Key, Value                                    *ref
	Min, Max                                              *json.Number
	Flattened, Exception, Fault, Sensitive, Union         bool
	Streaming, EventStream, Document                      bool
	XMLNamespace                                          *namespace
	Error                                                 struct {
		Code           string
		HTTPStatusCode int
		SenderFault    bool
	}
}

type page struct {
	InputToken  any    `json:"input_token"`
	OutputToken any    `json:"output_token"`
	LimitKey    string `json:"limit_key"`
}

// members are sorted by name: the trimmed models have no order of their own.
type members []member

type member struct {
	Name string
	ref
}

func (m *members) UnmarshalJSON(b []byte) error {
	var all map[string]ref
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for _, name := range sorted(all) {
		*m = append(*m, member{name, all[name]})
	}
	return nil
}

func readModel(path string) (_ *model, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var m model
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := shapecheck.More(strings.TrimSuffix(filepath.Base(path), ".json.gz"), &m); err != nil {
		return nil, err
	}
	if len(m.Operations) == 0 || len(m.Shapes) == 0 {
		return nil, fmt.Errorf("%s holds no operations or no shapes", path)
	}
	return &m, nil
}
