// Package iampolicy reads, edits and evaluates IAM policy documents: for the
// simulated account, for containment, and for assessments.
//
// Statements keep the JSON they came with, so that a document can lose or gain a
// statement without anything else changing.
package iampolicy
