package awssim

func eventsOps() []operation { return nil }

// Stand-ins until the services' own files define them; whoever does deletes them here.
