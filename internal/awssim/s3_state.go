package awssim

type s3State struct{}

func (s *s3State) objects(account, region string, put putObject) {}
