package awssim

import "time"

func kmsOps() []operation        { return nil }
func s3Ops() []operation         { return nil }
func logsOps() []operation       { return nil }
func eventsOps() []operation     { return nil }
func sqsOps() []operation        { return nil }
func cloudtrailOps() []operation { return nil }

// Stand-ins until the services' own files define them; whoever does deletes them here.
func newLogsState() *logsState { return &logsState{} }
func newSQSState() *sqsState   { return &sqsState{} }

func (s *logsState) append(group, stream string, at time.Time, lines ...string) {}
func (s *sqsState) deliver(queueARN, body string) bool                          { return false }
func (s *s3State) objectBytes(bucket, key, version string) ([]byte, error) {
	return nil, errBadMarker
}
