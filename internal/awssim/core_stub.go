package awssim

type coreState struct{}
