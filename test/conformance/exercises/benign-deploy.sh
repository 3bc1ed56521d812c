freezeframe case note --kind detect 'payments was changed at three in the morning'
aws lambda list-versions-by-function --function-name payments
aws lambda get-alias --function-name payments --name live
freezeframe tabletop decide D1 stay --as lead --reason 'a version was published and the alias follows: that is how the vendor deploys'
freezeframe collect --unpaced --function payments
freezeframe case note --kind decide 'no incident: build 1843 of the vendor, from its own address'
