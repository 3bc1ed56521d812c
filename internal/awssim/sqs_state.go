package awssim

type sqsState struct{}

func (s *sqsState) objects(account, region string, put putObject) {}
