// Package status says how the alerts of a place stand: what arrives and waits, who is at what, what
// became of each, what needs people, and how long it took. It reads the board and the queue, and no
// case: a thousand cases are as many small records. Nothing is changed by it.
package status
