// Privileges: those of applications, those that are built in, and who holds which.

'use strict'

const {
  as,
  check,
  checkError,
  checkMissing,
  checkRefused,
  checkTold,
  elastic
} = require('./harness')

const security = elastic.security

async function applicationPrivilegesAreKept () {
  const put = privileges => security.putPrivileges({ privileges })
  const made = { created: true }
  let answer = await put({
    myapp: {
      read: { actions: ['data:read/*', 'action:login'], metadata: { v: 1 } },
      write: { actions: ['data:write/*'] }
    },
    'myapp-two': { read: { actions: ['data:read/*'] } }
  })
  const wanted = { myapp: { read: made, write: made }, 'myapp-two': { read: made } }
  check('putPrivileges', answer, wanted)
  answer = await put({ myapp: { read: { actions: ['data:read/*'] } } })
  check('putPrivileges again', answer, { myapp: { read: { created: false } } })
  const one = await security.getPrivileges({ application: 'myapp', name: 'read' })
  const read = { application: 'myapp', name: 'read', actions: ['data:read/*'], metadata: {} }
  check('getPrivileges by name', one, { myapp: { read } })
  check('getPrivileges: members in order', Object.keys(one.myapp.read), Object.keys(read))
  const names = ['read', 'write', 'none']
  const some = await security.getPrivileges({ application: 'myapp', name: names })
  check('getPrivileges of several', Object.keys(some.myapp).sort(), ['read', 'write'])
  const every = await security.getPrivileges()
  check('getPrivileges of all', Object.keys(every).sort(), ['myapp', 'myapp-two'])
  const two = await security.getPrivileges({ application: 'myapp-two' })
  check('getPrivileges of one application', Object.keys(two), ['myapp-two'])
  const none = await security.getPrivileges({ application: 'nothing' })
  check('getPrivileges of an unknown application', none, {})
  await checkMissing('getPrivileges of none', {}, () =>
    security.getPrivileges({ application: 'myapp', name: 'none' }))
  answer = await security.deletePrivileges({ application: 'myapp', name: ['write', 'none'] })
  const found = { write: { found: true }, none: { found: false } }
  check('deletePrivileges', answer, { myapp: found })
  const gone = { myapp: { write: { found: false } } }
  await checkMissing('deletePrivileges again', gone, () =>
    security.deletePrivileges({ application: 'myapp', name: 'write' }))
  await security.deletePrivileges({ application: 'myapp-two', name: 'read' })
}

async function badApplicationPrivilegesAreRefused () {
  const good = { actions: ['data:read/*'] }
  const wrong = [
    [
      'prefix',
      "An application name prefix must match the pattern ^[a-z][A-Za-z0-9]*$ (found 'My')",
      { My: { read: good } }
    ],
    [
      'length',
      "An application name prefix must be at least 3 characters long (found 'ab')",
      { ab: { read: good } }
    ],
    [
      'name',
      'Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$' +
        " (found 'Read')",
      { myapp: { Read: good } }
    ],
    [
      'actions',
      'Application privileges must have at least one action',
      { myapp: { list: { actions: [] } } }
    ],
    [
      'metadata',
      'metadata keys may not start with [_] (in privilege myapp list)',
      { myapp: { list: { ...good, metadata: { _x: 1 } } } }
    ]
  ]
  for (const [what, message, privileges] of wrong) {
    await checkTold(`putPrivileges: ${what}`, 400, `: ${message};`, () =>
      security.putPrivileges({ privileges }))
  }
  await checkMissing('nothing is stored', {}, () =>
    security.getPrivileges({ application: 'myapp', name: 'list' }))
}

async function privilegesAreBuiltIn () {
  const builtin = await security.getBuiltinPrivileges()
  check('builtin: members', Object.keys(builtin), ['cluster', 'index', 'remote_cluster'])
  const some = {
    cluster: ['manage_security', 'manage_token', 'none', 'read_security'],
    index: ['all', 'read', 'view_index_metadata', 'write'],
    remote_cluster: ['monitor_enrich', 'monitor_stats']
  }
  for (const [kind, wanted] of Object.entries(some)) {
    check(`builtin: ${kind} is sorted`, builtin[kind], [...builtin[kind]].sort())
    check(`builtin: ${kind}`, wanted.filter(name => builtin[kind].includes(name)), wanted)
  }
}

const ASKED = {
  cluster: ['monitor', 'manage_security'],
  index: [
    { names: ['index-1', 'other'], privileges: ['read'] },
    { names: ['*'], privileges: ['read'] }
  ],
  application: [
    { application: 'shop', privileges: ['buy', 'order:write/x'], resources: ['room/1'] }
  ]
}

async function privilegesAreAskedFor () {
  await security.putPrivileges({ privileges: { shop: { buy: { actions: ['order:write/*'] } } } })
  const application = { application: 'shop', privileges: ['buy'], resources: ['room/*'] }
  await security.putRole({
    name: 'buyer',
    cluster: ['monitor'],
    indices: [{ names: ['index-*'], privileges: ['read', 'write'] }],
    applications: [application]
  })
  const bea = { username: 'bea', password: 'bea-password' }
  await security.putUser({ ...bea, roles: ['buyer'] })
  await as(bea, async user => {
    check('hasPrivileges', await user.security.hasPrivileges(ASKED), {
      username: 'bea',
      has_all_requested: false,
      cluster: { monitor: true, manage_security: false },
      index: { 'index-1': { read: true }, other: { read: false }, '*': { read: false } },
      application: { shop: { 'room/1': { buy: true, 'order:write/x': true } } }
    })
    const answer = await user.security.hasPrivileges({ user: 'bea', cluster: ['monitor'] })
    check('hasPrivileges: all', answer.has_all_requested, true)
    check('hasPrivileges: not asked', [answer.index, answer.application], [{}, {}])
    const mine = await user.security.getUserPrivileges()
    check('getUserPrivileges: cluster', mine.cluster, ['monitor'])
    const index = {
      names: ['index-*'],
      privileges: ['read', 'write'],
      allow_restricted_indices: false
    }
    check('getUserPrivileges: indices', mine.indices, [index])
    check('getUserPrivileges: applications', mine.applications, [application])
    check('getUserPrivileges: the rest', [mine.global, mine.run_as], [[], []])
    await badQuestionsAreRefused(user)
  })
  const answer = await security.hasPrivileges(ASKED)
  check('elastic has every privilege', answer.has_all_requested, true)
}

async function badQuestionsAreRefused (user) {
  await checkRefused(
    'hasPrivileges: nothing asked',
    400,
    'parse_exception',
    'failed to parse privileges check [bea].' +
      ' All privilege fields [cluster,index,applications] are missing',
    () => user.security.hasPrivileges({ body: {} })
  )
  await checkTold(
    'hasPrivileges: query',
    400,
    'Field [query] is not supported in a has_privileges request',
    () => user.security.hasPrivileges({
      index: [{ names: ['a'], privileges: ['read'], query: '{}' }]
    })
  )
  await checkError('hasPrivileges of another', 403, () =>
    user.security.hasPrivileges({ user: 'elastic', cluster: ['monitor'] }))
  await checkRefused(
    'getBuiltinPrivileges without the privilege',
    403,
    'security_exception',
    'action [cluster:admin/xpack/security/privilege/builtin/get] is unauthorized for user' +
      ' [bea] with effective roles [buyer], this action is granted by the cluster' +
      ' privileges [read_security,manage_security,all]',
    () => user.security.getBuiltinPrivileges()
  )
}

async function applicationsAreManagedByName () {
  const manage = { application: { manage: { applications: ['test-*'] } } }
  const sam = { username: 'sam', password: 'sam-password' }
  await security.putRole({ name: 'shopkeeper', global: manage })
  await security.putUser({ ...sam, roles: ['shopkeeper'] })
  const good = { read: { actions: ['data:read/*'] } }
  await as(sam, async user => {
    let answer = await user.security.putPrivileges({ privileges: { 'test-app': good } })
    check("one's own application", answer, { 'test-app': { read: { created: true } } })
    await checkError('another application', 403, () =>
      user.security.putPrivileges({ privileges: { other: good } }))
    const mine = await user.security.getUserPrivileges()
    check('getUserPrivileges: global', mine.global, [manage])
    answer = await user.security.deletePrivileges({ application: 'test-app', name: 'read' })
    const found = { 'test-app': { read: { found: true } } }
    check("one's own application, deleted", answer, found)
  })
}

module.exports = [
  applicationPrivilegesAreKept,
  badApplicationPrivilegesAreRefused,
  privilegesAreBuiltIn,
  privilegesAreAskedFor,
  applicationsAreManagedByName
]
