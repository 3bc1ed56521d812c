freezeframe case note --kind declare 'payments was overwritten with a stolen key'
freezeframe collect --unpaced --function payments
for id in partner-integration FunctionURLAllowPublicInvoke FunctionURLAllowPublicAccess; do aws lambda remove-permission --function-name payments --statement-id $id; done
aws lambda update-function-url-config --function-name payments --auth-type AWS_IAM
aws iam put-role-policy --role-name payments-role --policy-name stop --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
freezeframe case note --kind detect 'a deployment from an address that is not the vendor'
