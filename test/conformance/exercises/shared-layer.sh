freezeframe case note --kind declare 'a layer reads the environment of two functions'
aws lambda list-functions --query 'Functions[?Layers[?contains(Arn, `observability`)]].FunctionName' --output text >users
freezeframe collect --unpaced $(for f in $(cat users); do echo --function $f; done)
aws iam list-access-keys --user-name lea --query 'AccessKeyMetadata[].AccessKeyId' --output text >ids
for id in $(cat ids); do aws iam update-access-key --user-name lea --access-key-id "$id" --status Inactive; done
for f in payments-report payments; do aws lambda put-function-concurrency --function-name $f --reserved-concurrent-executions 0; done
freezeframe case note --kind detect 'a layer that no repository knows'
