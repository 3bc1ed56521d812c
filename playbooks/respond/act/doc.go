// Package act contains functions while nobody is there, only as people have written beforehand.
//
// For each alert it looks up what is so (the alert at its source, the function, what was done in the
// last day), has package mandate decide on it, and writes the decision into the case, also where
// nothing is done. Where something may be done, the order is: the record that says when it ends,
// the note that counts against the limits, the state before in a sealed bag, the containment. So
// whoever is killed at any point leaves something that ends by itself: a note without an act counts
// against the limits, and a record without an act ends without one.
//
// Deciding and noting go under one claim of the board, and the claim is asked for once more before
// anything is done: two workers never both find the last room that a limit leaves.
//
// Sweep is for every worker, once a minute: it ends what has run out, and decides again where people
// have approved. What is ended are the acts that a release lifts; what was removed as hostile stays.
// While the attacker's way is seen to be open the end is put off, and people are told.
package act
