// Package attackers judges containment by attackers who keep trying. For each row of the
// threat matrix somebody does what the row says on the simulated account, and then tries
// every road to the function and to what its credentials open: before containment, while it
// is in force, after isolation is lifted, and, for the owner, after all is undone.
// It holds only tests; nothing that the product could read says which rows there are.
package attackers
