freezeframe collect --unpaced --function payments
aws iam list-access-keys --user-name ops-temp --query 'AccessKeyMetadata[].AccessKeyId' --output text >ids
for id in $(cat ids); do aws iam update-access-key --user-name ops-temp --access-key-id "$id" --status Inactive; done
freezeframe case note --kind declare 'the user of a contractor who left destroys evidence'
aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ScheduleKeyDeletion --query 'Events[0].CloudTrailEvent' --output text >scheduled
key=$(sed -n 's/.*"keyId": *"\([^"]*\)".*/\1/p' scheduled)
aws kms cancel-key-deletion --key-id "$key"
freezeframe case note --kind detect 'a key is to be deleted and nobody ordered it'
