// Package contain changes the account under investigation, and puts it back.
//
// What one write replaces is a document: a function's concurrency, one inline
// policy of a role, the resource policy of one qualifier. An act is an edit on
// documents; the engine derives planning, applying, verifying, releasing and
// undoing from it, once for all acts. To add an act: one file with a Doc and its
// edits, one line in catalogue.go.
//
// # Rules that the engine holds
//
// Every move: read; already as wanted: done; not as planned: ErrStale; durable
// intent in the bag's journal; write, with the token where the API has one; re-read
// until it shows or the deadline passes; record the outcome. A write whose reply was
// lost is probed by re-reading before anything else happens.
//
// "As wanted" means that the edits would change nothing: an edit is a function from
// state to state, and applying it twice is applying it once.
//
// Release lifts isolation. What an act removed as hostile (Kind Evict) returns only
// by name, with a reason. Edits on one document are folded before one write: to lift
// one of them, the others are folded again over the state before. An act that finds its
// document as wanted by another act of the case is recorded beside that one, with an intent
// that joins: lifting either leaves the other's.
//
// What only somebody's word makes hostile (a mapping, a rule, capacity) has two acts of one
// edit, one that isolates and one that evicts: see forGood.
//
// # The bag of a run
//
// Every apply, release and undo is a bag of its own (Header.Kind "containment",
// Header.Params: action, plan), sealed at its end, also when it failed. Artefacts:
// contain.plan (the plan, apply only), contain.before and contain.after (a document,
// Source.ARN its resource, Source.Qualifier "DOCUMENT/KEY"). A crash leaves an
// unfinished bag whose journal is enough for status, release and undo.
//
// Journal entries (JournalEntry.Kind, and Value as JSON; times RFC 3339 UTC):
//
//	run       {"action":"apply|release|undo","plan":"<sha256>","document":{the plan; apply only},
//	           "function":"<arn>","operator":"...","principal":"<arn>","reason":"...","forced":bool}
//	intent    {"id":"<bag>/<n>","action":"...","acts":["concurrency-zero"],"doc":"lambda.concurrency",
//	           "key":"","resource":"<arn>","place":{target and key},"calls":[{"call":"Lambda:PutFunctionConcurrency","params":{...}}],
//	           "sealed":"age file, base64: what from leaves out for being secret, and the write replaces",
//	           "from":{state},"to":{state},"joins":true where nothing is called,"edits":[{"act":"...","for":"...","params":{...}}]}
//	outcome   {"id":"<bag>/<n>","action":"...","acts":[...],"doc":"...","key":"...","resource":"<arn>",
//	           "status":"done|already|failed|unknown|skipped|stale","error":"...","note":"...","writes":1,
//	           "lifts":["<bag>/<n> act", release and undo: what was taken back],
//	           "now":{state by a re-read, if there was one},"started":"...","written":"...","seen":"..."}
//	verified  {"acts":[...],"resource":"<arn>","how":"iam:SimulatePrincipalPolicy","result":"explicitDeny|...","note":"..."}
//	call      {awsapi.Exchange}: every call made to the account
//	end       {"status":"done|failed|unknown"}
//
// id ties an outcome to its intent; an outcome without intent changed nothing. An
// undo's or release's entries have the same kinds: "action" tells them apart. The
// moment from which containment held is outcome.written (the write was accepted) and
// outcome.seen (a re-read showed it).
package contain
