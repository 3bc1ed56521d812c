package awssim

type trailsState struct{}

func (s *trailsState) objects(account, region string, put putObject) {}
