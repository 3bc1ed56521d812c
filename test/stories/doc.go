// Package stories judges the story and the lineage of the timeline: seeded incidents are
// played on the simulated account, whose records are all that the product gets, and what
// the product says is compared with what was played. The truths live in the memory of the
// test and are written down only after the product has answered; nothing imports this package.
package stories
