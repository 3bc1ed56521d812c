// Package deploy prints how alerts come to workers without people: one CloudFormation template for
// the security account (the vault, the keys, the queue, the rules, the workers) and one for each
// member account (a role that reads, another that contains, the rules that hand alerts on).
//
// It prints, and creates nothing. Every permission of a role is made of the Needs that the code
// declares, the same that the guard in package awsapi lets out: what is not needed is not allowed,
// and a new call is in the template as soon as it is declared. What people decide is a parameter.
//
// The containment role is for nobody at the keyboard, so that it holds less than the one that
// `doctor --policy contain` prints for people: of all acts only those whose calls cannot give
// anybody a right (Acts).
package deploy
