package collect

// Target is one function under investigation.
type Target struct{ Account, Region, Function string }
