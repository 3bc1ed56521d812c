// Package respond goes from an alert to sealed evidence while nobody is there.
//
// One finding is one case, whose place is made of the finding's own id: whoever gets it, by whatever
// way and however often, comes to the same case. The message is kept first, then the function is
// looked for, then a playbook that changes nothing runs. Each alert ends in a state that has a name,
// and what led there is in the case's ledger. A message proves nothing, so that nothing in the
// account is changed here.
package respond
