// Package faults collects with the built binary while the account and the bucket throttle,
// fail, break off, answer late, or do what was asked and lose the reply: the case ends
// complete all the same, with nothing twice.
//
// FREEZEFRAME_FAULT_RUNS says how many seeds; odd ones keep the case in a bucket.
package faults
