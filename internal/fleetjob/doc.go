// Package fleetjob splits the collection of a fleet into messages of a queue, and does what a message
// asks for. Any number of workers write one case that way, with no coordinator but the queue and the
// create-only writes of the vault.
//
// A job is some functions of one account and region. Its id, and that of its bag, are made from what
// the message says, so that a message that comes again finds its bag without a search: sealed, and
// then there is nothing to do; or cut off, and then it is gone on with, and what its journal has whole
// is not fetched again. Whoever works in an account holds its claim on the board, so that nobody else
// writes the bag, and the account's quotas, which are counted by account and region and in part for
// all regions at once, are one worker's to keep. What of CloudTrail is the same for all functions of
// a region is read by the first job of it, into a bag of its own.
//
// Whoever can write to the queue can write a message. So a message is taken only as it is written
// here, byte for byte; its case has to lie where the worker's cases lie, and be the case it says; the
// role it is to be collected with is the worker's own, whatever the message says.
package fleetjob
