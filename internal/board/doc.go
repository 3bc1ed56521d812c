// Package board is what workers that share a place leave there for each other: who is at what, what
// is due when, that all is halted. A board lies beside the cases, under "board/", in the same vault:
// its records are written once and never changed, so that it needs nothing but what a vault promises
// (create-only writes, listing), and is a record itself.
//
// A claim is a chain of numbered records: taken, kept, released. Each is written under a name that is
// free until somebody has it, so that of two who take a claim at the same moment one has it, and a
// holder that was thought dead finds its next number taken: it has lost the claim, and is told so.
// No clock decides. Who wants a claim that somebody holds watches it, and takes it when its chain has
// not grown for as long as a holder may be silent, by the watcher's own count. Clocks that are off do
// no harm; only a machine that stands still longer than that loses what it holds.
//
// A claim does not fence what its holder writes elsewhere in the moment in which it is lost. So what
// is done under one must bear being done twice (a bag of its own, a record with a name of its own),
// or be refused the second time by its own create-only name.
package board
