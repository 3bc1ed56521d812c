// Package digest validates CloudTrail's log files offline, from files that were collected.
//
// A trail that validates log files writes a digest an hour, account and region: which log
// files it delivered, and the SHA-256 of each. A digest is signed by CloudTrail, and carries
// hash and signature of the digest before it, so that what is altered, taken away or added
// shows. Sources: CloudTrail user guide, "CloudTrail digest file structure" and "Custom
// implementations of CloudTrail log file integrity validation"; aws-cli,
// awscli/customizations/cloudtrail/validation.py (backfill digests).
//
//	objects, public keys -> digests read, their signatures verified
//	                     -> chains: one for each trail, account and region
//	                     -> log files hashed, held against the digests that name them
//	                     -> Report: what is valid from when to when, every problem with its file
//
// Three things are told apart: what is valid, what is damaged, and what cannot be validated
// (no digest, no key, not collected). Nothing is called valid without a key that verifies it.
package digest
