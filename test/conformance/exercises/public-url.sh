freezeframe tabletop decide D1 holding --as press --reason 'we look into it and say more at six'
freezeframe case note --kind declare 'payments was opened to everybody'
freezeframe collect --unpaced --function payments
aws iam put-role-policy --role-name ci-deploy --policy-name stop --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
aws lambda get-function-url-config --function-name payments
aws lambda update-function-url-config --function-name payments --auth-type AWS_IAM
freezeframe case note --kind decide 'ci-deploy stays shut until the vendor has rotated its key'
freezeframe case note --kind detect 'a function URL that nobody here made'
