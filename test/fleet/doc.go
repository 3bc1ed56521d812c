// Package fleet holds the test in which four worker processes of the built binary write one case in a
// bucket at once and are killed by chance, many of them while they append to the ledger. What came of
// it is judged by the case, and by the record of what was asked of the accounts.
//
// FREEZEFRAME_FLEET=all is the whole of it; FREEZEFRAME_FLEET_SEED another course of it.
package fleet
