package awssim

type coreState struct {
	seen map[[16]byte]int // how often a call, or an id within it, was made: see nth
}
