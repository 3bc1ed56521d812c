// Package tabletop plays exercises on the simulated account. A scenario is data: a file in
// scenarios, read strictly. It stages an account, plays an attack, lets the attacker go on while
// responders work, tells them what they would hear, and scores what they did by the account's own
// record and by the case they leave: nobody has to say that he did something.
//
//	scenario.go  what a scenario is          read.go     YAML to it, strictly
//	world.go     a staged exercise           values.go   what calls are given, and what is kept of answers
//	live.go      what goes on meanwhile      respond.go  a reference solution, unattended
//	judge.go     checks of record and case   score.go    points and metrics
//	decisions.go what people are asked for   record.go   what happens, and what people observed
//	game.go      played alone, and rewound  schema.go   the JSON Schema of scenarios
//	paper.go     Markdown, HTML, JSON       aftermath.go the after-action report
//	state.go     what who may know           control.go  a served exercise
//	report.go    papers for the exercise     lint.go     that a scenario can be won, and not by chance
package tabletop
