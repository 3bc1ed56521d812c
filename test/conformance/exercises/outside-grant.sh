freezeframe collect --unpaced --function payments
aws lambda get-policy --function-name payments
aws lambda get-policy --function-name payments --qualifier live
freezeframe case note --kind decide 'ci-deploy let them in: the vendor is to rotate its key'
aws lambda remove-permission --function-name payments --qualifier live --statement-id partner-integration-live
aws lambda remove-permission --function-name payments --statement-id partner-integration
freezeframe case note --kind declare 'account 999988887777 was let in by somebody who is not us'
freezeframe case note --kind detect 'an unknown account invokes payments'
