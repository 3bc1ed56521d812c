freezeframe case note --kind declare 'functions run a library that sends data out'
aws lambda list-functions --query 'Functions[?starts_with(FunctionName, `pay-`)].FunctionName' --output text >users
freezeframe collect --unpaced $(for f in $(cat users); do echo --function $f; done)
freezeframe case note --kind detect 'paylib 4.2.1 was published with a stolen token'
for n in 3 2 1; do aws lambda put-function-concurrency --function-name pay-$n --reserved-concurrent-executions 0; done
freezeframe case note --kind decide 'the manager says yes: the checkout too'
for n in 6 5 4; do aws lambda put-function-concurrency --function-name pay-$n --reserved-concurrent-executions 0; done
