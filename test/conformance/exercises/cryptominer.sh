freezeframe tabletop decide D1 keep --as lead --reason 'stopping it costs nothing, and its code says whose it is'
freezeframe case note --kind declare 'somebody mines in our account'
freezeframe collect --unpaced --function payments-cache
aws iam put-role-policy --role-name ci-deploy --policy-name stop --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
aws lambda put-function-concurrency --function-name payments-cache --reserved-concurrent-executions 0
freezeframe case note --kind detect 'payments-cache runs all the time'
