package practices

import "fmt"

// mapTo lets a mapping call an alias; there may be none yet.
func (f *Facts) mapTo(mapping, name string, there bool) script {
	const rights = "the role of the function reads the source as before; where another alias is meant, name that"
	if there {
		return run(shell("aws lambda update-event-source-mapping --region %s --uuid %s --function-name %s", f.Region, mapping, name)).note(rights)
	}
	return run(shell("VERSION=$(aws lambda publish-version --region %s --function-name %s --query Version --output text)", f.Region, f.Name),
		shell(`aws lambda create-alias --region %s --function-name %s --name "$ALIAS" --function-version "$VERSION"`, f.Region, f.Name),
		shell("aws lambda update-event-source-mapping --region %s --uuid %s --function-name ", f.Region, mapping)+shell("%s", f.Name)+`":$ALIAS"`).
		note("it publishes what $LATEST is: look first whether that is good").ask("ALIAS", "a name for the alias that it is to call")
}

// failTo makes a queue, lets the role send to it, and sends failures there.
func (f *Facts) failTo(x Finding, qualifier, role string, update bool, to DestinationConfig) Finding {
	name := f.Name + "-failed-events"
	arn := "arn:" + part(f.Function, 1) + ":sqs:" + f.Region + ":" + f.Account + ":" + name
	put := "put"
	if update { // what is put would drop the other settings
		put = "update"
	}
	return x.fix(run(shell("aws sqs create-queue --region %s --queue-name %s", f.Region, name),
		shell("aws iam put-role-policy --role-name %s --policy-name failed-events --policy-document %s", role, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"`+arn+`"}]}`),
		shell("aws lambda "+put+"-function-event-invoke-config --region %s --function-name %s --qualifier %s --destination-config %s", f.Region, f.Name, qualifier, keepSuccess(arn, to.OnSuccess.Destination))).
		note("events stay in the queue for four days: somebody has to read them").String(),
		hcl("resource \"aws_lambda_function_event_invoke_config\" \"it\" {\n  function_name = %s\n  qualifier     = %s\n  destination_config {\n    on_failure {\n      destination = %s\n    }\n  }\n}", f.Name, qualifier, arn))
}

// keepSuccess is where failures go, beside where successes go already.
func keepSuccess(failures, successes string) string {
	if successes == "" {
		return `{"OnFailure":{"Destination":"` + failures + `"}}`
	}
	return fmt.Sprintf(`{"OnSuccess":{"Destination":%q},"OnFailure":{"Destination":%q}}`, successes, failures)
}

// rebuild deploys what was built again. The scanner looks at it by itself, and closes what it
// finds no longer; of published versions, and of layers, it goes on telling.
func (f *Facts) rebuild(x Finding, qualifier, options, name, what, arguments string) Finding {
	return f.changeVersion(x, qualifier, run(f.deploy(options)).note("keep what is deployed now, and test the new one: libraries that are mended may behave otherwise").ask(name, what), f.function(arguments))
}
