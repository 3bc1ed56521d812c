// Package mandate is what people allow to be done without them: a signed file that says which acts
// of containment may be taken on which functions, for which alerts, when, how often and for how
// long, and who has to approve. Decide holds an alert against it.
//
// The package asks nobody and changes nothing. What is so in the account is handed in as Facts,
// the acts that exist as Acts: what it says can be tried on a laptop, and is the same for the same
// input. Whatever is not known counts against acting: a fact that nobody looked up, a tag that could
// not be read, a role whose functions were not counted.
//
// Limits count what is handed in. Two workers that decide at the same moment can both find room, so
// whoever acts decides and notes the act under one lock.
//
// A mandate is signed by the kinds of keys that sign a case (a P-256 key in a file, or in KMS), and
// counts only under a key that the one who runs it trusts; the signature lies beside the file. What
// is taken is released when it expires, unless somebody confirms it; what was removed as hostile
// never comes back by itself.
package mandate
