// Answers policy questions with @cloud-copilot/iam-simulate: a JSON list of
// simulations on stdin, a JSON list of results on stdout, in the same order.
// usage: node driver.mjs NODE_MODULES
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { readFileSync } from 'node:fs'

const require = createRequire(process.argv[2] + '/')
const lib = await import(pathToFileURL(require.resolve('@cloud-copilot/iam-simulate')).href)
const scp = [{ orgIdentifier: 'o-1', policies: [{ name: 'all', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] } }] }]
const out = []
for (const q of JSON.parse(readFileSync(0, 'utf8'))) {
  const res = await lib.runSimulation({ ...q, serviceControlPolicies: scp, resourceControlPolicies: [] }, {})
  out.push(res.resultType === 'error' ? 'error: ' + JSON.stringify(res.errors) : res.overallResult)
}
process.stdout.write(JSON.stringify(out))
