// Package evidence is the case: BagIt bags of collected artefacts, a create-only
// ledger chain over them, sealing of secrets, and verification of all of it.
//
// A case lives in a vault.Vault (a folder or a bucket) and is laid out so that
// sha256sum alone can check it decades from now:
//
//	case.json, README-VERIFY.txt
//	ledger/00000000.json ...         one event per object, each with the hash of the one before
//	collections/<ulid>/              an RFC 8493 bag per collection
//	    collection.json coverage.json journal/00001.ndjson ... data/... data/sealed/<id>.age
//	derived/<ulid>/                  timelines, reports: they cite the hashes of their inputs
//
// Orders that make it safe: payload first, then coverage and manifests, the
// tagmanifest last (without it a bag is unfinished), and only then the ledger event
// (without it a bag is sealed, but not in the ledger). A write that stops anywhere
// leaves a case that verifies as unfinished, never as damaged.
package evidence
