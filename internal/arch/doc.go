// Package arch holds no code, only the test that keeps the house as
// docs/architecture.md draws it: who may import whom, and how long a file may grow.
package arch
