// Package kill holds the tests that kill the built binary at its durable writes, go on with
// `collect --resume`, and look at what came of it. A kill is SIGKILL: in a folder at the
// Nth fsync or link that strace reports, in a bucket at the Nth PutObject, done or not.
//
// FREEZEFRAME_KILLS says how many (200 in the long form); FREEZEFRAME_POWER_CUTS how many
// more lose, besides, whatever had not been synced.
package kill
