package awssim

import "slices"

// Operations are the names of all simulated operations, as shapecheck counts them
// ("lambda:GetFunction"), sorted: what a test of coverage has to hold against.
func Operations() []string {
	var all []string
	for _, op := range catalogue() {
		all = append(all, op.service+":"+op.name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
