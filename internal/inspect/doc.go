// Package inspect looks into deployment packages and layers that an attacker may have
// written: what lies in them, of which kind, with which hash, and what is odd about the
// archive itself. Nothing is extracted: entries are read as streams, in bounded memory,
// and their names are data.
//
// An archive that defies its limits is indexed as far as they go, and says so. What counts
// as odd is what two readers of the same archive may see differently, or what no build tool
// makes: doubled names, names that lead elsewhere, links, headers that contradict each
// other, bytes that belong to no entry, overlapping entries, bombs.
package inspect
