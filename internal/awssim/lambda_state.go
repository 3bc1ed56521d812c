package awssim

type lambdaState struct{}

func (s *lambdaState) objects(account, region string, put putObject) {}
