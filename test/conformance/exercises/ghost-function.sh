freezeframe case note --kind declare 'somebody made a function with our role and took it away'
freezeframe collect --unpaced --deleted --function arn:aws:lambda:us-west-2:123456789012:function:ghost || test $? = 3
aws cloudtrail lookup-events --region us-west-2 --lookup-attributes AttributeKey=EventName,AttributeValue=CreateFunction20150331 --query 'Events[0].Username' --output text
freezeframe case note --kind decide 'the key of lea made it, and lea is in the office'
aws iam list-access-keys --user-name lea --query 'AccessKeyMetadata[].AccessKeyId' --output text >ids
for id in $(cat ids); do aws iam update-access-key --user-name lea --access-key-id "$id" --status Inactive; done
freezeframe case note --kind detect 'a function in us-west-2 that is gone'
