// Package worker takes messages from a queue and has each dealt with by who takes its kind: alerts,
// unless another handler says that it is its own.
//
// A worker may be killed at any moment, and any number of them may work side by side, on machines
// that know nothing of each other. What they share is the queue, which gives a message to one of them
// at a time as long as nothing goes wrong, and the board beside the cases, whose claims hold also when
// something does. A message leaves the queue only when it has been dealt with; who dies leaves it
// there. So a message that kills whoever takes it would come for ever: the queue's dead-letter queue
// takes it out, and where there is none the worker does, by the number of times it was received.
package worker
