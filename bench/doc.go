// Package bench holds benchmarks that need more than one package, and the
// generators of what they run on. Inputs are made from a seed, never stored.
package bench
