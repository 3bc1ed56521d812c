package awssim

type eventsState struct{}

func (s *eventsState) objects(account, region string, put putObject) {}
