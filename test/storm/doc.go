// Package storm lets a storm of alerts loose on four workers, which are processes of the built program
// and are killed at moments of a seed's choosing, some while they append to a ledger; some messages
// kill whoever takes them. In the end the bucket is listed: one case for each finding, each intact, with
// the function's code in it and one whole run; the poisoned messages are in the dead-letter queue.
//
// Whoever kills is the test alone: it stands between the workers and the simulated account, sees what
// each asks for and is given, and so knows which process has which message and what it is writing.
package storm
