package awssim

type kmsState struct{}

func (s *kmsState) objects(account, region string, put putObject) {}
