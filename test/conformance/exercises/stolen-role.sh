freezeframe tabletop decide D1 notify --as counsel --reason 'customers were read; the number follows'
freezeframe case note --kind decide 'an outage of payments is accepted: deny the role'
freezeframe collect --unpaced --function payments
aws iam put-role-policy --role-name payments-role --policy-name stop --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
freezeframe case note --kind declare 'customers are read with stolen credentials'
freezeframe case note --kind detect 'credentials of payments-role are used from outside'
