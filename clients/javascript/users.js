// Users: put, shown, queried, disabled, deleted, and their passwords.

'use strict'

const {
  as,
  bearer,
  check,
  checkError,
  checkInvalid,
  checkMissing,
  checkRefused,
  elastic,
  failures,
  filePassword,
  logsIn,
  passwordGrant,
  works
} = require('./harness')

const security = elastic.security

const RESERVED = [
  'apm_system',
  'beats_system',
  'elastic',
  'kibana',
  'kibana_system',
  'logstash_system',
  'remote_monitoring_user'
]

// The hash of the password of the file realm's users.
const HASH = '{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' +
  '$034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o='

async function usersAreShown () {
  await security.putUser({ username: 'uma', password: 'uma-password', roles: ['viewer'] })
  const { uma } = await security.getUser({ username: 'uma' })
  const members = ['username', 'roles', 'full_name', 'email', 'metadata', 'enabled']
  check('getUser: members in order', Object.keys(uma), members)
  check('getUser: values', Object.values(uma), ['uma', ['viewer'], null, null, {}, true])
  const some = await security.getUser({ username: ['uma', 'nobody', 'elastic'] })
  check('getUser of several', Object.keys(some).sort(), ['elastic', 'uma'])
  await checkMissing('getUser of nobody', {}, () => security.getUser({ username: 'nobody' }))
  const everybody = await security.getUser()
  check('getUser of all: reserved ones', RESERVED.filter(name => name in everybody), RESERVED)
  check('getUser of all: native ones', 'uma' in everybody, true)
  check('getUser of all: none of files', 'otheruser' in everybody, false)
  check('a reserved user', everybody.elastic.metadata, { _reserved: true })
  await security.putUser({ username: 'uma', password_hash: HASH, roles: [] })
  check('putUser by password_hash', await logsIn('uma', filePassword), true)
}

async function aUserIsUpdatedInPart () {
  const put = user => security.putUser({ username: 'vera', ...user })
  const stored = async () => (await security.getUser({ username: 'vera' })).vera
  const first = { a: 1, deep: { x: 1 } }
  await put({ password: 'vera-password', roles: ['viewer'], metadata: first })
  await security.disableUser({ username: 'vera' })
  check('disableUser', (await stored()).enabled, false)
  const more = { b: 2, deep: { y: 2 } }
  const answer = await put({ roles: ['editor'], full_name: 'Vera', metadata: more })
  check('putUser without a password: created', answer.created, false)
  let vera = await stored()
  const merged = { a: 1, b: 2, deep: { x: 1, y: 2 } }
  check('putUser without a password: metadata', vera.metadata, merged)
  check('putUser without a password: roles', vera.roles, ['editor'])
  check('putUser without enabled', vera.enabled, true)
  check('the password stays', await logsIn('vera', 'vera-password'), true)
  await put({ password: 'other-password', roles: [], metadata: { b: 2 } })
  vera = await stored()
  check('putUser with a password: metadata', vera.metadata, { b: 2 })
  check('putUser with a password: full_name', vera.full_name, null)
  const named = { username: 'vera' }
  check('deleteUser', await security.deleteUser(named), { found: true })
  await checkMissing('deleteUser again', { found: false }, () => security.deleteUser(named))
}

/** Four users whose names begin alike. */
async function putFour () {
  for (const [number, username] of ['quentin', 'quincy', 'quinn', 'quirin'].entries()) {
    await security.putUser({
      username,
      password_hash: HASH,
      roles: number % 2 ? ['viewer'] : ['editor'],
      full_name: `${username[0].toUpperCase()}${username.slice(1)} Adams`,
      email: number === 0 ? null : `${username}@example.org`,
      enabled: number !== 3
    })
  }
}

async function usersAreQueried () {
  await putFour()
  const query = body => security.queryUser(body)
  const names = async body => (await query(body)).users.map(user => user.username)
  const ours = { prefix: { username: 'qu' } }
  const answer = await query({ query: ours, sort: [{ username: { order: 'desc' } }], size: 3 })
  check('queryUser: total and count', [answer.total, answer.count], [4, 3])
  const found = answer.users.map(user => user.username)
  check('queryUser: sorted', found, ['quirin', 'quinn', 'quincy'])
  check('queryUser: _sort', answer.users[2]._sort, ['quincy'])
  const after = await names({ query: ours, sort: ['username'], search_after: ['quincy'] })
  check('queryUser: search_after', after, ['quinn', 'quirin'])
  const third = { query: ours, sort: 'username', from: 3 }
  check('queryUser: from', await names(third), ['quirin'])
  const nothing = { total: 4, count: 0, users: [] }
  check('queryUser: size 0', await query({ query: ours, size: 0 }), nothing)
  const kinds = {
    term: [{ roles: 'viewer' }, ['quincy', 'quirin']],
    terms: [{ username: ['quinn', 'nobody'] }, ['quinn']],
    wildcard: [{ username: 'qui?n' }, ['quinn']],
    exists: [{ field: 'email' }, ['quincy', 'quinn', 'quirin']],
    match: [{ full_name: 'quinn' }, ['quinn']],
    ids: [{ values: ['user-quentin', 'user-nobody'] }, ['quentin']],
    range: [{ username: { gt: 'quincy' } }, ['quinn', 'quirin']],
    simple_query_string: [{ query: 'quen*', fields: ['username'] }, ['quentin']],
    bool: [{ must_not: { term: { enabled: true } } }, ['quirin']]
  }
  for (const [kind, [body, wanted]] of Object.entries(kinds)) {
    const both = { bool: { must: [ours], filter: [{ [kind]: body }] } }
    check(`queryUser: ${kind}`, await names({ query: both, sort: 'username' }), wanted)
  }
  const reserved = await query({ query: { term: { username: 'elastic' } } })
  check('queryUser: no reserved users', reserved, { total: 0, count: 0, users: [] })
  check('queryUser of all: natives', (await query()).total >= 4, true)
  const wrong = [
    [
      'field',
      'Field [password] is not allowed for querying or aggregation',
      { query: { term: { password: 'x' } } }
    ],
    [
      'kind',
      'Query type [fuzzy] is not currently supported in this context',
      { query: { fuzzy: { username: 'x' } } }
    ],
    ['sort', 'sorting is not supported for field [email]', { sort: ['email'] }]
  ]
  for (const [what, reason, body] of wrong) {
    const illegal = 'illegal_argument_exception'
    await checkRefused(`queryUser: ${what}`, 400, illegal, reason, () => query(body))
  }
}

async function usersAreDisabledAndEnabled () {
  const dora = { username: 'dora', password: 'dora-password' }
  const named = { username: 'dora' }
  await security.putUser({ ...dora, roles: ['superuser'] })
  check('disableUser', await security.disableUser(named), {})
  check('disableUser again', await security.disableUser(named), {})
  check('a disabled user', await logsIn('dora', 'dora-password'), false)
  check('enableUser', await security.enableUser(named), {})
  check('an enabled user', await logsIn('dora', 'dora-password'), true)
  const nobody = { username: 'nobody' }
  const verbs = {
    enabled: () => security.enableUser(nobody),
    disabled: () => security.disableUser(nobody)
  }
  for (const [verb, call] of Object.entries(verbs)) {
    const reason = failures(`only existing users can be ${verb}`)
    await checkRefused(`nobody is ${verb}`, 400, 'validation_exception', reason, call)
  }
  await as(dora, user => checkRefused(
    'disableUser of oneself',
    400,
    'illegal_argument_exception',
    'users may not update the enabled status of their own account',
    () => user.security.disableUser(named)
  ))
}

async function passwordsAreChanged () {
  const change = (username, secret) => security.changePassword({ username, ...secret })
  const first = { username: 'pia', password: 'pia-password' }
  await security.putUser({ ...first, roles: [] })
  const own = await as(first, pia => pia.security.changePassword({ password: 'pia-second' }))
  check('changePassword of oneself', own, {})
  check('the old password', await logsIn('pia', 'pia-password'), false)
  const pair = await passwordGrant('pia', 'pia-second')
  await as({ bearer: pair.access_token }, pia => checkRefused(
    'changePassword with a token',
    403,
    'security_exception',
    'action [cluster:admin/xpack/security/user/change_password] is unauthorized for' +
      ' user [pia] with effective roles [],' +
      ' this action is granted by the cluster privileges [manage_security,all]',
    () => pia.security.changePassword({ password: 'pia-third' })
  ))
  await change('pia', { password_hash: HASH })
  check('changePassword by hash', await logsIn('pia', filePassword), true)
  check('a token outlives the password', await works(pair), true)
  await as({ username: 'pia', password: filePassword }, pia =>
    checkError('changePassword of another', 403, () =>
      pia.security.changePassword({ username: 'nobody', password: 'abcdef' })))
  await as({ username: 'otheruser', password: filePassword }, other =>
    checkError('changePassword of a file user', 403, () =>
      other.security.changePassword({ password: 'abcdef' })))
  const reserved = 'logstash_system'
  await change(reserved, { password: 'logstash-password' })
  const me = await bearer(await passwordGrant(reserved, 'logstash-password'))
  check('a reserved user: realm', me.authentication_realm.name, 'reserved')
  check('a reserved user: roles', me.roles, [reserved])
  const wrong = [
    ['nobody', 'user must exist in order to change password', 'long-enough'],
    ['pia', 'passwords must be at least [6] characters long', 'short']
  ]
  for (const [username, message, password] of wrong) {
    const what = `changePassword of ${username}`
    const reason = failures(message)
    await checkRefused(what, 400, 'validation_exception', reason, () =>
      change(username, { password }))
  }
  check('the refused change', await logsIn('pia', filePassword), true)
}

async function badUsersAreRefused () {
  const good = { username: 'bad', password: 'long-enough', roles: [] }
  const put = changes => {
    const user = Object.entries({ ...good, ...changes }).filter(([, value]) => value !== null)
    return security.putUser(Object.fromEntries(user))
  }
  const nameRule = 'User names must be at least 1 and no more than 507 characters. They can' +
    ' contain alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable' +
    ' symbols in the Basic Latin (ASCII) block. Leading or trailing whitespace is not allowed.'
  const invalid = [
    ['roles', 'roles are missing', { roles: null }],
    ['metadata', 'metadata keys may not start with [_]', { metadata: { _x: 1 } }],
    ['blank', nameRule, { username: ' a' }],
    ['umlaut', nameRule, { username: '\u00e9' }],
    ['length', nameRule, { username: 'a'.repeat(508) }],
    [
      'reserved',
      'user [elastic] is reserved and only the password can be changed',
      { username: 'elastic' }
    ]
  ]
  for (const [what, message, changes] of invalid) {
    await checkInvalid(`putUser: ${what}`, message, () => put(changes))
  }
  const none = 'password must be specified unless you are updating an existing user'
  const passwords = [
    ['short', 'passwords must be at least [6] characters long', { password: '12345' }],
    ['both', 'password_hash has already been set', { password_hash: HASH }],
    ['none', none, { password: null }]
  ]
  for (const [what, message, changes] of passwords) {
    const reason = failures(message)
    await checkRefused(`putUser: ${what}`, 400, 'validation_exception', reason, () => put(changes))
  }
  await checkRefused(
    'putUser: unknown member',
    400,
    'parse_exception',
    'failed to parse add user request. unexpected field [colour]',
    () => put({ body: { colour: 'blue' } })
  )
  await checkRefused(
    'deleteUser of a reserved one',
    400,
    'illegal_argument_exception',
    'user [kibana_system] is reserved and cannot be deleted',
    () => security.deleteUser({ username: 'kibana_system' })
  )
  await checkMissing('nothing is stored', {}, () => security.getUser({ username: 'bad' }))
}

async function aDisabledUserIsRefusedEverywhere () {
  const dan = { username: 'dan', password: 'dan-password' }
  await security.putUser({ ...dan, roles: ['superuser'] })
  await as(dan, async user => {
    const health = await user.cluster.health()
    check('health as a user', health.timed_out, false)
    await security.disableUser({ username: 'dan' })
    await checkError('health, disabled', 401, () => user.cluster.health())
  })
}

module.exports = [
  usersAreShown,
  aUserIsUpdatedInPart,
  usersAreQueried,
  usersAreDisabledAndEnabled,
  passwordsAreChanged,
  badUsersAreRefused,
  aDisabledUserIsRefusedEverywhere
]
