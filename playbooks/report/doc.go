// Package report makes of a case what people are shown: one HTML file that needs nothing but a
// browser, Markdown for tickets, STIX for indicators, JSON for programs.
//
//	Gather -> Data -> HTML, Markdown, JSON
//
// It is made from the case alone and asks AWS nothing; what only code that knows the acts of
// containment can read is handed in as data. Memory is bounded: events stream by and are
// counted into bins, the weighty ones are kept one by one, and each list says how much it
// leaves out and where the rest is.
//
// All that it shows may have been written by an attacker. Gather takes out of every text what
// looks like a secret, HTML and Markdown spell out what would hide or turn text, html/template
// escapes what is left, and the page's policy lets nothing run or load but its own script and
// style, by their hashes. Each of these holds without the others.
package report
