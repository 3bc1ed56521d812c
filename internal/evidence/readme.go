package evidence

// readme is README-VERIFY.txt. A test runs its script over a case.
const readme = `HOW TO VERIFY THIS CASE WITH sha256sum AND openssl ALONE

You need a POSIX shell, grep, cut, find, sort, comm, sed, sha256sum (on macOS "shasum -a 256")
and openssl. Nothing here needs the program that made the case, or a network.

What lies here
  case.json                    who opened the case, when, under which authority
  ledger/00000000.json ...     the chain of events: each names the SHA-256 of the file before it
  ledger/heads/<n>.txt         how far the ledger reached: the SHA-256 of event n
  ledger/heads/<n>.<key>.sig   signature over that text: ECDSA, P-256, SHA-256, DER
  ledger/heads/<n>.tsr         where there is one: RFC 3161 time stamp over that text
  keys/<key>.pem               the keys that signed, a hint only: compare with one you got another way
  collections/<id>/            one BagIt bag (RFC 8493) for each collection or containment run
    data/                      the evidence, as it was received
    data/sealed/*.age          secrets, encrypted with age to the recipients in case.json
    manifest-sha256.txt        the SHA-256 of every file under data/
    coverage.json              every artefact that was wanted, and what became of it
    collection.json            who collected, when, from where, with what
    journal/*.ndjson           what was done, in order
    tagmanifest-sha256.txt     the SHA-256 of all files outside data/; written last
  derived/<id>/                results made from the evidence; derived.json cites what they were made from

Run this in the folder of this file. It prints a line for each thing that is wrong, and then "done".

--- script
prev=
for event in ledger/*.json; do
  grep -q "^  \"prev_hash\": \"$prev\",$" "$event" || echo "CHAIN BROKEN: $event"
  prev=$(sha256sum "$event" | cut -d' ' -f1)
done
for head in ledger/heads/*.txt; do
  [ -f "$head" ] || continue
  event=ledger/$(basename "$head" .txt).json
  grep -q "^sha256: $(sha256sum "$event" | cut -d' ' -f1)$" "$head" || echo "HEAD DISAGREES: $head"
  grep -q "^case: $(sed -n 's/^  "id": "\(.*\)",$/\1/p' case.json)$" "$head" || echo "HEAD OF ANOTHER CASE: $head"
done
for sig in ledger/heads/*.sig; do
  [ -f "$sig" ] || continue
  name=$(basename "$sig" .sig)
  openssl dgst -sha256 -verify "keys/${name#*.}.pem" -signature "$sig" "ledger/heads/${name%%.*}.txt" > /dev/null ||
    echo "SIGNATURE: $sig"
done
if [ -d ledger/heads ]; then
  newest=$(ls ledger/*.json | sort | tail -n 1 | sed 's/.*\///; s/\.json$//')
  ls ledger/heads/"$newest".*.sig > /dev/null 2>&1 || echo "NOT SIGNED: ledger/$newest.json"
fi
grep -q "$(sha256sum case.json | cut -d' ' -f1)" ledger/00000000.json || echo "CHANGED: case.json"
grep -q "$(sha256sum README-VERIFY.txt | cut -d' ' -f1)" ledger/00000000.json || echo "CHANGED: README-VERIFY.txt"
for bag in collections/*/; do
  [ -d "$bag" ] || continue
  [ -f "$bag/tagmanifest-sha256.txt" ] || { echo "UNFINISHED: $bag"; continue; }
  hash=$(sha256sum "$bag/tagmanifest-sha256.txt" | cut -d' ' -f1)
  grep -q "$hash" ledger/*.json || echo "NOT IN THE LEDGER: $bag"
  (cd "$bag" &&
    { sha256sum -c --quiet --strict tagmanifest-sha256.txt 2>&1
      sha256sum -c --quiet --strict manifest-sha256.txt 2>&1
      cut -c67- tagmanifest-sha256.txt manifest-sha256.txt | sort > "${TMPDIR:-/tmp}/listed.$$"
      find . -type f ! -name tagmanifest-sha256.txt | cut -c3- | sort |
        comm -13 "${TMPDIR:-/tmp}/listed.$$" - | sed 's/^/NOT LISTED: /'
      rm -f "${TMPDIR:-/tmp}/listed.$$"; } | sed "s|^|$bag: |")
done
for result in derived/*/derived.json; do
  [ -f "$result" ] || continue
  grep -q "$(sha256sum "$result" | cut -d' ' -f1)" ledger/*.json || echo "NOT IN THE LEDGER: $result"
  for file in "${result%/*}"/*; do
    [ "$file" = "$result" ] && continue
    grep -q "$(sha256sum "$file" | cut -d' ' -f1)" "$result" || echo "CHANGED: $file"
  done
done
echo done
--- end

What this proves and what not
  It proves that the files agree with each other and with signatures by the keys in keys/. Whoever
  can write the whole folder can sign another one with another key: compare keys/ with a copy of
  the key that you got another way (openssl pkey -pubin -in keys/<key>.pem -text -noout).
  Events cut off the end together with their heads leave no trace: compare the hash of the last
  event, which the script leaves in $prev, with a copy that was kept elsewhere. What comes after a
  "rekey" event is signed by the key that this event covers.
  openssl ts -verify -data ledger/heads/<n>.txt -in ledger/heads/<n>.tsr -CAfile CA.pem checks a time stamp
  (once the certificate of its authority has expired: with -attime and the Unix time it states).
  An UNFINISHED bag comes from a run that was interrupted. It was never sealed; nothing else is affected.

Secrets
  age -d -i IDENTITY.txt collections/<id>/data/sealed/<item>.age | tail -n +2
  The first line of the plaintext holds the key of the HMACs in coverage.json and in the redacted
  counterparts. No plain hash of a secret is kept anywhere, because it could be guessed at.
`
