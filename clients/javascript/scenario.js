// What an application does with Jeton, through the official JavaScript client, unmodified.
//
// Every check prints a line; the last line counts them. The Python scenario is its twin.

'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { check, counts, elastic, giveUp, major, url } = require('./harness')

// Not every version exports its own package.json, so it is read as a file.
const packageFile = path.join(process.env.NODE_PATH, '@elastic/elasticsearch/package.json')
const { version } = JSON.parse(fs.readFileSync(packageFile))

const scenarios = [
  ...require('./tokens'),
  ...require('./users'),
  ...require('./roles'),
  ...require('./mappings'),
  ...require('./privileges'),
  ...require('./service')
]

async function main () {
  console.log(`@elastic/elasticsearch ${version} for JavaScript, node ${process.version}, ${url}`)
  check('major version of the client', Number(version.split('.')[0]), major)
  for (const scenario of scenarios) {
    console.log(`-- ${scenario.name}`)
    try {
      await scenario()
    } catch (error) {
      giveUp(scenario.name, error)
    }
  }
  await elastic.close()
  console.log(`${counts.passed} passed, ${counts.failed} failed`)
  process.exitCode = counts.failed > 0 ? 1 : 0
}

main()
