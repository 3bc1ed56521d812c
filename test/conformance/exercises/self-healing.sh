freezeframe case note --kind declare 'somebody has built a way back in'
freezeframe collect --unpaced --function healer
aws events list-rule-names-by-target --target-arn arn:aws:lambda:eu-west-1:123456789012:function:healer --query RuleNames --output text >rules
for rule in $(cat rules); do aws events disable-rule --name "$rule"; done
aws iam list-access-keys --user-name backup-svc --query 'AccessKeyMetadata[].AccessKeyId' --output text >ids
for id in $(cat ids); do aws iam update-access-key --user-name backup-svc --access-key-id "$id" --status Inactive; done
aws lambda put-function-concurrency --function-name healer --reserved-concurrent-executions 0
freezeframe case note --kind detect 'the key of backup-svc is used from abroad'
