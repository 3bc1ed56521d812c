package practices

import (
	"slices"
	"strings"
)

// script is a repair for a shell: what to know before it is run, what only a person can say, and
// commands of which each runs when the one before it did.
type script struct{ notes, asks, names, commands []string }

func run(commands ...string) script { return script{commands: commands} }

// then adds commands.
func (s script) then(commands ...string) script {
	s.commands = append(s.commands[:len(s.commands):len(s.commands)], commands...)
	return s
}

// note says what the repair does to others. Values of the account go through shell first.
func (s script) note(text string) script {
	s.notes = append(s.notes[:len(s.notes):len(s.notes)], "# "+text+"\n")
	return s
}

// ask leaves a value to whoever runs it: a variable at the top, which is empty, and without
// which nothing runs. Commands name it "$NAME".
func (s script) ask(name, what string) script {
	s.asks = append(s.asks[:len(s.asks):len(s.asks)], "# "+name+": "+what+"\n"+name+"=''\n")
	s.names = append(s.names[:len(s.names):len(s.names)], `"${`+name+`:?}"`)
	return s
}

func (s script) String() string {
	commands := s.commands
	if len(s.names) > 0 {
		commands = append([]string{": " + strings.Join(s.names, " ")}, commands...)
	}
	return strings.Join(s.notes, "") + strings.Join(s.asks, "") + strings.Join(commands, " &&\n")
}

// askKey is a key that encrypts; who says what it has to allow.
func (s script) askKey(who string) script {
	return s.ask("KEY_ARN", "the ARN of a symmetric key of this account. "+who)
}

// onVersion does to a version what s does to $LATEST. A published version never changes: what is
// mended is published, aliases move there, and the version goes, which needs its evidence first.
func (f *Facts) onVersion(s script, qualifiers ...string) script {
	published := slices.DeleteFunc(slices.Clone(qualifiers), latest)
	if len(published) == 0 {
		return s
	}
	s = s.note(shell("version %s never changes: what is mended is published, aliases move there, and it is deleted. Who calls it by its number is refused from then on, and who calls an alias gets the code of $LATEST: look first whether that is good", join(published))).then(
		shell("aws lambda wait function-updated --region %s --function-name %s", f.Region, f.Name),
		shell("VERSION=$(aws lambda publish-version --region %s --function-name %s --query Version --output text)", f.Region, f.Name))
	for _, q := range published {
		s = s.then(shell("(for ALIAS in $(aws lambda list-aliases --region %s --function-name %s --function-version %s --query 'Aliases[].Name' --output text); do", f.Region, f.Name, q) +
			shell(` aws lambda update-alias --region %s --function-name %s --name "$ALIAS" --function-version "$VERSION" --routing-config AdditionalVersionWeights={} || exit 1; done)`, f.Region, f.Name))
	}
	return f.withoutVersion(s, published...)
}

// withoutVersion deletes versions, which are evidence, when somebody says that they are kept.
func (f *Facts) withoutVersion(s script, versions ...string) script {
	s = s.ask("COLLECTED", shell("yes, once a sealed collection has the code and the policy of version %s (freezeframe collect, freezeframe case verify): they are gone then", join(versions))).then(`test "$COLLECTED" = yes`)
	for _, v := range versions {
		s = s.then(shell("aws lambda delete-function --region %s --function-name %s --qualifier %s", f.Region, f.Name, v))
	}
	return s
}

// changeVersion is the repair of a version: the script for $LATEST, and what it takes beyond.
func (f *Facts) changeVersion(x Finding, qualifier string, s script, terraform string) Finding {
	if !latest(qualifier) {
		terraform = hcl("# version %s goes; what is published next is made of\n", qualifier) + terraform
	}
	return x.fix(f.onVersion(s, qualifier).String(), terraform)
}

// changeVersions is the repair of several versions at once.
func (f *Facts) changeVersions(x Finding, qualifiers []string, s script, terraform string) Finding {
	return x.fix(f.onVersion(s, qualifiers...).String(), terraform)
}

// configure is a change of $LATEST's configuration by the AWS CLI.
func (f *Facts) configure(options string, values ...string) string {
	return shell("aws lambda update-function-configuration --region %s --function-name %s ", f.Region, f.Name) + shell(options, values...)
}

// function is the Terraform of the function with some of its arguments.
func (f *Facts) function(arguments string, values ...string) string {
	return hcl("resource \"aws_lambda_function\" \"it\" {\n  function_name = %s\n", f.Name) + hcl(arguments, values...) + "}"
}

// deploy puts a package into $LATEST, under the key that its package is under now.
func (f *Facts) deploy(options string, values ...string) string {
	command := shell("aws lambda update-function-code --region %s --function-name %s ", f.Region, f.Name) + shell(options, values...)
	if d := doc[GetFunction](f, "lambda.configuration", "", "$LATEST"); d.V.Code.SourceKMSKeyArn != "" && strings.Contains(options, "--zip-file") { // left out, it would be Lambda's own
		command += shell(" --source-kms-key-arn %s", d.V.Code.SourceKMSKeyArn)
	}
	return command
}

const (
	refusedFromThenOn = "is refused from then on: ask who they are before"
	aPackage          = "where code signing is enforced it has to be signed"
)
