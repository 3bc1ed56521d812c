// Package alert reads the alerts that reach a responder, and says which function, role and session
// each is about: GuardDuty findings, Security Hub findings in ASFF and OCSF, CloudTrail records,
// CloudWatch alarms and lines of our own timeline that a Sigma rule marked, bare or in the
// envelopes of EventBridge and SNS.
//
// One finding is one case, whichever way it comes: Alert.Case is made of the origin's own id of
// the finding, and of the account and region that the finding names, never of an envelope.
//
// A message is hostile. It is bounded in size, depth and members; a member that is there twice, or
// in two spellings, is refused, because two readers could take different ones. What cannot be read
// is an alert too, of kind Unknown, with its reason and the SHA-256 of its bytes: nothing is
// dropped, and nothing is guessed. What a message does not say, or says in two ways, stands in
// Unresolved with the reason. Texts are bounded here and escaped where they are shown.
//
// A message proves nothing: before anything is changed, the alert has to be read again at its
// source. The package calls nobody.
package alert
