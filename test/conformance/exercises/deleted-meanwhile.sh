freezeframe collect --unpaced --function payments
aws iam put-role-policy --role-name payments-role --policy-name stop --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
freezeframe tabletop decide D1 keep --as lead --reason 'the policies of the role are evidence'
freezeframe case note 'Olivia says that payments is deleted; what there was of it is sealed'
freezeframe case note --kind declare 'payments was overwritten, and credentials of its role are outside'
freezeframe case note --kind detect 'payments was overwritten'
