freezeframe collect --unpaced --function payments-mirror --function payments || test $? = 3 # the queue outside is a gap
freezeframe case note --kind declare 'somebody takes from our queue and from our results'
aws lambda update-function-event-invoke-config --function-name payments --destination-config '{"OnFailure":{},"OnSuccess":{}}'
aws lambda list-event-source-mappings --function-name payments-mirror --query 'EventSourceMappings[].UUID' --output text >mappings
for id in $(cat mappings); do aws lambda update-event-source-mapping --uuid "$id" --no-enabled; done
freezeframe case note --kind detect 'messages of orders disappear'
