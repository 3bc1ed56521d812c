package awssim

type logsState struct{}

func (s *logsState) objects(account, region string, put putObject) {}
