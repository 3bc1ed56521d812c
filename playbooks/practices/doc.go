// Package practices judges a function by the nine areas of AWS's security practices for
// Lambda, from the evidence of a case alone: nothing is asked of AWS.
//
// A check is a value in the file of its area and a line in that file's list; it says what it
// reads, and looks at Facts, which read one document at a time from the newest sealed
// collection that asked for it. What could not be collected is never taken for absent: the
// verdict is then unknown, and names the gap. What stands for "none" is what AWS said.
//
// To add a check:
//
//  1. A Check in the list of its area's file: a stable ID, what it Reads (artefacts of
//     collect/doc.go), references that exist, and Look.
//  2. A fixture in testdata's place, fixtures_AREA_test.go: what breaks one member of the
//     account in which every check passes, which collectors bring it, and the call whose
//     refusal makes the check unknown.
//  3. go test ./playbooks/practices -run TestTable -update for its row in docs/practices.md.
//
// Everything that a check says of the account goes into a Text as a value, never into its
// format: names and policies may be an attacker's, and the sink that prints them escapes values.
// Commands and Terraform are built with shell and hcl, which quote.
package practices
