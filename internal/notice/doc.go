// Package notice tells people what became of an alert: what happened, what was done, what needs a
// person, and the command for the next step. One Notice is written as a message of SNS, of Slack, of
// Teams, as plain JSON, or as a ticket in Markdown.
//
// Titles, names and addresses in a notice were written by whoever set off the alert. Each form shows
// them as text and as nothing else: no markup, no mention, and no address that a reader's program
// makes a link of. An address that a notice is sent to holds a token: it is in no error and no
// record.
//
// An Outbox writes down what is to be told before it tells it, so that what could not be delivered is
// delivered later, by whoever comes by.
package notice
