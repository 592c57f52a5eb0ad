// Tokens: granted, refreshed, and invalidated as the reference's examples do.

'use strict'

const {
  as,
  bearer,
  check,
  checkError,
  elastic,
  filePassword,
  major,
  nativePassword,
  passwordGrant,
  works
} = require('./harness')

/** Whether the access tokens of several pairs are accepted. */
function eachWorks (pairs) {
  return Promise.all(pairs.map(works))
}

/** A pair of a user of the file realm `saml1`. */
function saml1Grant (username = 'myuser') {
  return passwordGrant(username, filePassword)
}

/** A pair of the native user who is also called `myuser`. */
function nativeGrant () {
  return passwordGrant('myuser', nativePassword)
}

function refresh (pair) {
  const parameters = { grant_type: 'refresh_token', refresh_token: pair.refresh_token }
  return elastic.security.getToken(parameters)
}

function invalidate (what) {
  return elastic.security.invalidateToken(what)
}

/** Checks every member of the answer to an invalidation. */
function checkCounts (what, answer, invalidated, previously) {
  check(`${what}: invalidated_tokens`, answer.invalidated_tokens, invalidated)
  check(`${what}: previously_invalidated_tokens`, answer.previously_invalidated_tokens, previously)
  check(`${what}: error_count`, answer.error_count, 0)
  check(`${what}: no error_details`, 'error_details' in answer, false)
  check(`${what}: no other member`, Object.keys(answer).length, 3)
}

async function theServerIsRecognised () {
  const { body: info, headers } = await elastic.info({}, { meta: true })
  check('info: tagline', info.tagline, 'You Know, for Search')
  check('info: version.number', info.version.number, '8.19.0')
  check('info: cluster_name', info.cluster_name, 'jeton-clients')
  check('info: product header', headers['x-elastic-product'], 'Elasticsearch')
  check(
    "info: media type of this client's major version",
    headers['content-type'],
    `application/vnd.elasticsearch+json;compatible-with=${major}`
  )
  check('ping', await elastic.ping(), true)
  const health = await elastic.cluster.health({ wait_for_status: 'green', timeout: '30s' })
  check('health: status', health.status, 'green')
  check('health: timed_out', health.timed_out, false)
  const me = await elastic.security.authenticate()
  check('authenticate: username', me.username, 'elastic')
  check('authenticate: roles', me.roles, ['superuser'])
  check('authenticate: metadata', me.metadata, { _reserved: true })
  check('authenticate: enabled', me.enabled, true)
  const reserved = { name: 'reserved', type: 'reserved' }
  check('authenticate: realm', me.authentication_realm, reserved)
  check('authenticate: lookup realm', me.lookup_realm, reserved)
  check('authenticate: type', me.authentication_type, 'realm')
}

async function usersAndRolesAreKept () {
  const security = elastic.security
  const maker = { name: 'token_maker' }
  let role = await security.putRole({ ...maker, cluster: ['manage_token'] })
  check('putRole: created', role.role, { created: true })
  role = await security.putRole({ ...maker, cluster: ['manage_token', 'monitor'] })
  check('putRole again: created', role.role, { created: false })
  role = await security.getRole(maker)
  check('getRole: cluster', role.token_maker.cluster, ['manage_token', 'monitor'])
  const created = await security.putUser({
    username: 'joe',
    password: 'first-password',
    roles: ['token_maker'],
    full_name: 'Joe Bloggs',
    email: 'joe@example.org',
    metadata: { team: 'blue' }
  })
  check('putUser: created', created.created, true)
  const { joe: user } = await security.getUser({ username: 'joe' })
  check('getUser: full_name', user.full_name, 'Joe Bloggs')
  check('getUser: no password', 'password' in user || 'password_hash' in user, false)
  const first = { username: 'joe', password: 'first-password' }
  const pair = await as(first, async joe => {
    const me = await joe.security.authenticate()
    check('authenticate as joe: roles', me.roles, ['token_maker'])
    check('authenticate as joe: full_name', me.full_name, 'Joe Bloggs')
    check('authenticate as joe: email', me.email, 'joe@example.org')
    check('authenticate as joe: metadata', me.metadata, { team: 'blue' })
    const native = { name: 'default_native', type: 'native' }
    check('authenticate as joe: realm', me.authentication_realm, native)
    return await joe.security.getToken({ grant_type: 'client_credentials' })
  })
  check("joe's token is joe", (await bearer(pair)).username, 'joe')
  const second = { username: 'joe', password: 'second-password' }
  check('changePassword', await security.changePassword(second), {})
  await checkError('old password', 401, () => as(first, joe => joe.security.authenticate()))
  const me = await as(second, joe => joe.security.authenticate())
  check('new password', me.username, 'joe')
  const ann = { username: 'ann', password: 'ann-password' }
  await security.putRole({ name: 'nothing', cluster: [] })
  await security.putUser({ ...ann, roles: ['nothing'] })
  await checkError('no privilege, no token', 403, () =>
    as(ann, user => user.security.getToken({ grant_type: 'client_credentials' })))
  check('deleteUser: found', (await security.deleteUser({ username: 'joe' })).found, true)
  let body = await checkError('deleteUser again', 404, () =>
    security.deleteUser({ username: 'joe' }))
  check('deleteUser again: found', body.found, false)
  check('a token outlives its user', await works(pair), true)
  checkCounts('of a deleted user', await invalidate({ username: 'joe' }), 1, 0)
  check('deleteRole: found', (await security.deleteRole(maker)).found, true)
  body = await checkError('deleteRole again', 404, () => security.deleteRole(maker))
  check('deleteRole again: found', body.found, false)
  await checkError('getRole of nobody', 404, () => security.getRole(maker))
}

async function aClientCredentialsTokenIsInvalidated () {
  const pair = await elastic.security.getToken({ grant_type: 'client_credentials' })
  check('client_credentials: type', pair.type, 'Bearer')
  check('client_credentials: expires_in', pair.expires_in, 1200)
  check('client_credentials: no refresh_token', 'refresh_token' in pair, false)
  check('client_credentials: who', pair.authentication.username, 'elastic')
  check('client_credentials: how', pair.authentication.authentication_type, 'realm')
  const me = await bearer(pair)
  check('bearer: username', me.username, 'elastic')
  check('bearer: authentication_type', me.authentication_type, 'token')
  checkCounts('an access token', await invalidate({ token: pair.access_token }), 1, 0)
  const body = await checkError('bearer, invalidated', 401, () => bearer(pair))
  check('bearer, invalidated: reason', body.error.reason, 'token expired')
  checkCounts('an access token again', await invalidate({ token: pair.access_token }), 0, 1)
}

async function aRefreshTokenIsInvalidated () {
  const pair = await saml1Grant()
  const who = pair.authentication
  check('password: type', pair.type, 'Bearer')
  check('password: expires_in', pair.expires_in, 1200)
  check('password: who', who.username, 'myuser')
  check('password: roles', who.roles, ['monitoring'])
  check('password: realm', who.authentication_realm, { name: 'saml1', type: 'file' })
  check('password: how', who.authentication_type, 'realm')
  check('bearer: who', (await bearer(pair)).username, 'myuser')
  const half = { refresh_token: pair.refresh_token }
  checkCounts('a refresh token', await invalidate(half), 1, 0)
  check('its access token lives on', await works(pair), true)
  const body = await checkError('refresh, invalidated', 400, () => refresh(pair))
  check('refresh, invalidated: error', body.error, 'invalid_grant')
  const description = 'token has been invalidated'
  check('refresh, invalidated: description', body.error_description, description)
  checkCounts('a refresh token again', await invalidate(half), 0, 1)
  checkCounts('the other half', await invalidate({ token: pair.access_token }), 1, 0)
  check('both halves are dead', await works(pair), false)
}

async function aPairIsRefreshed () {
  const first = await elastic.security.getToken({
    grant_type: 'password', username: 'myuser', password: filePassword, scope: 'full'
  })
  check('scope', first.scope, 'full')
  const second = await refresh(first)
  check('refresh: another access token', second.access_token !== first.access_token, true)
  check('refresh: another refresh token', second.refresh_token !== first.refresh_token, true)
  check('refresh: how', second.authentication.authentication_type, 'token')
  check('both access tokens work', await eachWorks([first, second]), [true, true])
  const again = await refresh(first)
  check('again: the same access token', again.access_token, second.access_token)
  check('again: the same refresh token', again.refresh_token, second.refresh_token)
  const third = await refresh(second)
  check('a chain of refreshes', await works(third), true)
  const answer = await invalidate({ username: 'myuser', realm_name: 'saml1' })
  checkCounts('three pairs of one chain', answer, 6, 0)
  const dead = [false, false, false]
  check('the whole chain is dead', await eachWorks([first, second, third]), dead)
  const body = await checkError('refresh after it', 400, () => refresh(third))
  check('refresh after it: error', body.error, 'invalid_grant')
}

async function tokensAreInvalidatedByRealmAndUser () {
  await elastic.security.putUser({ username: 'myuser', password: nativePassword, roles: [] })

  let pairs = [
    await saml1Grant(), await saml1Grant(), await saml1Grant('otheruser'), await nativeGrant()
  ]
  const realms = pairs.map(pair => pair.authentication.authentication_realm.name)
  check('realms of the pairs', realms, ['saml1', 'saml1', 'saml1', 'default_native'])
  checkCounts('all of realm saml1', await invalidate({ realm_name: 'saml1' }), 6, 0)
  check('only saml1 is dead', await eachWorks(pairs), [false, false, false, true])
  checkCounts('all of realm saml1 again', await invalidate({ realm_name: 'saml1' }), 0, 0)

  pairs = [pairs[3], await saml1Grant(), await saml1Grant('otheruser')]
  checkCounts('all of user myuser', await invalidate({ username: 'myuser' }), 4, 0)
  check('only myuser is dead', await eachWorks(pairs), [false, false, true])

  pairs = [await saml1Grant(), await nativeGrant(), pairs[2]]
  const both = { realm_name: 'saml1', username: 'myuser' }
  checkCounts('myuser in saml1', await invalidate(both), 2, 0)
  check('only myuser in saml1 is dead', await eachWorks(pairs), [false, true, true])
  checkCounts('what is left of myuser', await invalidate({ username: 'myuser' }), 2, 0)
  checkCounts('what is left of saml1', await invalidate({ realm_name: 'saml1' }), 2, 0)

  const pair = await saml1Grant()
  checkCounts('one half', await invalidate({ token: pair.access_token }), 1, 0)
  checkCounts('a half invalidated before', await invalidate({ username: 'myuser' }), 1, 1)
  checkCounts('both halves invalidated before', await invalidate({ username: 'myuser' }), 0, 0)
  checkCounts('an unknown user', await invalidate({ username: 'nobody' }), 0, 0)
  checkCounts('an unknown realm', await invalidate({ realm_name: 'nowhere' }), 0, 0)
  check('a new pair after all of this', await works(await saml1Grant()), true)
}

async function whatIsWrongIsRefused () {
  const unknown = 'dGhpcyBpcyBub3QgYSB0b2tlbg'
  for (const half of ['token', 'refresh_token']) {
    const body = await checkError(`unknown ${half}`, 404, () => invalidate({ [half]: unknown }))
    checkCounts(`unknown ${half}`, body, 0, 0)
  }
  await checkError('unknown bearer', 401, () => bearer({ access_token: unknown }))
  const pair = await saml1Grant()
  await checkError('a refresh token as bearer', 401, () =>
    bearer({ access_token: pair.refresh_token }))
  await checkError('a refresh token as access token', 404, () =>
    invalidate({ token: pair.refresh_token }))
  await checkError('wrong password', 401, () => passwordGrant('myuser', 'wrong'))
  let body = await checkError('unknown grant', 400, () =>
    elastic.security.getToken({ grant_type: 'magic' }))
  check('unknown grant: error', body.error, 'unsupported_grant_type')
  body = await checkError('half a password grant', 400, () =>
    elastic.security.getToken({ grant_type: 'password', username: 'myuser' }))
  check('half a password grant: error', body.error, 'invalid_request')
  const missing = 'Validation Failed: 1: password is missing;'
  check('half a password grant: description', body.error_description, missing)
  body = await checkError('token and user at once', 400, () =>
    invalidate({ token: 'x', username: 'myuser' }))
  check('token and user at once: type', body.error.type, 'action_request_validation_exception')
}

module.exports = [
  theServerIsRecognised,
  usersAndRolesAreKept,
  aClientCredentialsTokenIsInvalidated,
  aRefreshTokenIsInvalidated,
  aPairIsRefreshed,
  tokensAreInvalidatedByRealmAndUser,
  whatIsWrongIsRefused
]
