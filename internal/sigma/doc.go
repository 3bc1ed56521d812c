// Package sigma reads Sigma rules, matches them against CloudTrail records, and
// correlates what they hit over event time.
//
//	rule files -> Set (rules, correlations, and what was refused, with file, line and place)
//	           -> Engine (compiled, indexed by event source and name)
//	           -> Matcher (one per goroutine): a record's JSON text -> hits
//	           -> Correlator: hits in order of time -> alerts
//
// A rule that says something this engine does not know is refused by name, never read
// as if it did not say it: a rule that means less than its author thinks finds nothing,
// or everything, and nobody notices.
//
// What Sigma leaves open is settled here as follows.
//
//   - A field is looked up by its dotted path, in objects and in the objects of arrays;
//     a key that holds dots itself is found too. An array is each of its elements: any
//     one may match. An empty array is a field without a value.
//   - An object is matched as its compact JSON text, as written in the record, and,
//     where strings in it hold escapes (a policy document inside a string), also with
//     those taken off, since that is how rules are written that quote such a document.
//   - Null matches a field that is absent, null, or an empty array. Exists asks only
//     whether the field is there, whatever its value.
//   - Text is compared without regard to case (Unicode's simple folding), unless cased
//     or a regular expression. A regular expression matches anywhere in the text.
//   - Numbers and booleans are matched by text as they are written, and a number of a
//     rule equals a number of the record of the same value (1 is 1.0).
//   - Keywords (values without a field) are looked for anywhere in the record's compact
//     text, in both forms of an object.
//   - Neq turns the whole item around: a field that is absent differs from every value.
//   - Time modifiers read RFC 3339 and take the part in UTC; week is ISO 8601's.
//   - A correlation looks at the span that ends at an event, both ends included, and
//     alerts at each moment at which its condition holds. Events of one instant count
//     together, whatever order they come in; in temporal_ordered, one instant is no order.
package sigma
