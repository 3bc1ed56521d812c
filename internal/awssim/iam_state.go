package awssim

type iamState struct{}

func (s *iamState) objects(account, region string, put putObject) {}
