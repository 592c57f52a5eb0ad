// What every scenario uses: the clients it speaks through, and checks that print one line each.

'use strict'

const fs = require('node:fs')
const { isDeepStrictEqual } = require('node:util')
const { Client, errors } = require('@elastic/elasticsearch')

const url = process.env.JETON_URL
const authority = process.env.JETON_CA
const elasticPassword = process.env.JETON_ELASTIC_PASSWORD
const filePassword = process.env.JETON_FILE_PASSWORD
const nativePassword = 'native-test-password'
const major = Number(process.env.JETON_CLIENT_MAJOR)

/** How many checks there were. */
const counts = { passed: 0, failed: 0 }

/** Compares two values and prints one line. */
function check (what, found, wanted) {
  if (isDeepStrictEqual(found, wanted)) {
    counts.passed += 1
    console.log(`ok      ${what}`)
  } else {
    counts.failed += 1
    const [f, w] = [found, wanted].map(value => JSON.stringify(value))
    console.log(`FAILED  ${what}: found ${f}, wanted ${w}`)
  }
}

/** Counts a scenario that ended early. */
function giveUp (what, error) {
  counts.failed += 1
  console.log(`FAILED  ${what} ended early: ${error.stack}`)
}

/** Checks that a call is refused with the client's own error; returns its body. */
async function checkError (what, status, call) {
  try {
    check(what, await call(), `status ${status}`)
    return {}
  } catch (error) {
    if (!(error instanceof errors.ResponseError)) throw error
    check(what, error.statusCode, status)
    return error.body ?? {}
  }
}

/** Checks the status, the error's type and its whole reason. */
async function checkRefused (what, status, type, reason, call) {
  const { error } = await checkError(what, status, call)
  check(`${what}: type`, error?.type, type)
  check(`${what}: reason`, error?.reason, reason)
}

/** Checks the 400 for a request that fails its validation. */
async function checkInvalid (what, message, call) {
  await checkRefused(what, 400, 'action_request_validation_exception', failures(message), call)
}

/** The reason of a failed validation with one message. */
function failures (message) {
  return `Validation Failed: 1: ${message};`
}

/** Checks a 404 whose body is an answer without a hit and no error. */
async function checkMissing (what, wanted, call) {
  check(`${what}: body`, await checkError(what, 404, call), wanted)
}

/** Checks that the reason of a refusal holds a text. */
async function checkTold (what, status, text, call) {
  const body = await checkError(what, status, call)
  check(`${what}, told`, JSON.stringify(body).includes(JSON.stringify(text).slice(1, -1)), true)
}

/** A client as an application makes it. */
function client (auth) {
  const tls = authority ? { ca: fs.readFileSync(authority) } : undefined
  return new Client({ node: url, auth, tls, requestTimeout: 30000 })
}

/** Runs a function with a client of its own. */
async function as (auth, use) {
  const user = client(auth)
  try {
    return await use(user)
  } finally {
    await user.close()
  }
}

const elastic = client({ username: 'elastic', password: elasticPassword })

/** Whether a name and a password are accepted. */
async function logsIn (username, password) {
  return await isAccepted({ username, password })
}

/** A pair of tokens for a user, asked for by `elastic`. */
function passwordGrant (username, password) {
  return elastic.security.getToken({ grant_type: 'password', username, password })
}

/** Who the access token of a pair is. */
function bearer (pair) {
  return as({ bearer: pair.access_token }, user => user.security.authenticate())
}

/** Whether the access token of a pair is accepted. */
async function works (pair) {
  return await isAccepted({ bearer: pair.access_token })
}

async function isAccepted (auth) {
  try {
    await as(auth, user => user.security.authenticate())
    return true
  } catch (error) {
    if (error instanceof errors.ResponseError && error.statusCode === 401) return false
    throw error
  }
}

module.exports = {
  as,
  authority,
  bearer,
  check,
  checkError,
  checkInvalid,
  checkMissing,
  checkRefused,
  checkTold,
  counts,
  elastic,
  failures,
  filePassword,
  giveUp,
  logsIn,
  major,
  nativePassword,
  passwordGrant,
  url,
  works
}
