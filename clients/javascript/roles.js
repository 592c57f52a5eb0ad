// Roles: put, shown, queried, put and deleted many at once.

'use strict'

const {
  as,
  check,
  checkError,
  checkInvalid,
  checkMissing,
  checkRefused,
  checkTold,
  elastic
} = require('./harness')

const security = elastic.security

async function rolesAreKeptWhole () {
  const whole = {
    name: 'whole',
    cluster: ['monitor', 'manage_token'],
    global: { application: { manage: { applications: ['shop-*'] } } },
    indices: [
      {
        names: ['logs-*'],
        privileges: ['read'],
        field_security: { grant: ['*'], except: ['secret'] },
        query: { term: { team: 'blue' } }
      }
    ],
    applications: [{ application: 'shop-1', privileges: ['buy'], resources: ['*'] }],
    run_as: ['agent-*'],
    metadata: { team: 'blue' },
    description: 'Reads logs'
  }
  let answer = await security.putRole(whole)
  check('putRole: created', answer, { role: { created: true } })
  answer = await security.putRole(whole)
  check('putRole again: created', answer, { role: { created: false } })
  const { whole: role } = await security.getRole({ name: 'whole' })
  const members = [
    'cluster',
    'global',
    'indices',
    'applications',
    'run_as',
    'metadata',
    'transient_metadata',
    'description'
  ]
  check('getRole: members in order', Object.keys(role), members)
  const [index] = role.indices
  check('getRole: query is text', index.query, '{"term":{"team":"blue"}}')
  check('getRole: restricted indices', index.allow_restricted_indices, false)
  check('getRole: fields', index.field_security, whole.indices[0].field_security)
  check('getRole: applications', role.applications, whole.applications)
  check('getRole: run_as', role.run_as, ['agent-*'])
  check('getRole: description', role.description, 'Reads logs')
  check('getRole: transient_metadata', role.transient_metadata, { enabled: true })
  const granted = role.global.application
  check('getRole: global', granted, { manage: { applications: ['shop-*'] } })
  await aBareRole(members)
}

async function aBareRole (members) {
  await security.putRole({ name: 'bare', indices: [{ names: '*', privileges: ['read'] }] })
  const { bare } = await security.getRole({ name: 'bare' })
  check('names as one text', bare.indices[0].names, ['*'])
  const fewer = members.filter(name => !['global', 'description'].includes(name))
  check('a bare role: members', Object.keys(bare), fewer)
  const none = { name: 'nothing_at_all' }
  const some = await security.getRole({ name: ['bare', none.name] })
  check('getRole of several', Object.keys(some), ['bare'])
  await checkMissing('getRole of none', {}, () => security.getRole(none))
  const everything = await security.getRole()
  const wanted = ['superuser', 'viewer', 'kibana_system', 'bare']
  check('getRole of all', wanted.filter(name => name in everything), wanted)
  check('a reserved role', everything.superuser.metadata, { _reserved: true })
  const named = { name: 'bare' }
  check('deleteRole', await security.deleteRole(named), { found: true })
  await checkMissing('deleteRole again', { found: false }, () => security.deleteRole(named))
}

async function rolesAreQueried () {
  for (const [number, name] of ['quartz', 'quick', 'quiet'].entries()) {
    await security.putRole({
      name,
      description: `The role ${name}`,
      metadata: { rank: String(number) },
      applications: [{ application: `shop-${number}`, privileges: ['buy'], resources: ['*'] }]
    })
  }
  const query = body => security.queryRole(body)
  const names = async body => (await query(body)).roles.map(role => role.name)
  const ours = { prefix: { name: 'qu' } }
  const answer = await query({ query: ours, sort: [{ name: { order: 'desc' } }], size: 2 })
  check('queryRole: total and count', [answer.total, answer.count], [3, 2])
  check('queryRole: sorted', answer.roles.map(role => role.name), ['quiet', 'quick'])
  const members = Object.keys(answer.roles[0])
  check('queryRole: name first, _sort last', [members[0], members.at(-1)], ['name', '_sort'])
  const kinds = [
    ['term', { term: { name: 'quick' } }, ['quick']],
    ['metadata', { term: { 'metadata.rank': '2' } }, ['quiet']],
    ['application', { term: { 'applications.application': 'shop-0' } }, ['quartz']],
    ['description', { match: { description: 'quick' } }, ['quick']]
  ]
  for (const [what, body, wanted] of kinds) {
    const both = { bool: { must: [ours, body] } }
    check(`queryRole: ${what}`, await names({ query: both, sort: ['name'] }), wanted)
  }
  const reserved = await names({ query: { term: { name: 'superuser' } } })
  check('queryRole: no reserved roles', reserved, [])
  await checkRefused(
    'queryRole: field',
    400,
    'illegal_argument_exception',
    'Field [cluster] is not allowed for querying or aggregation',
    () => query({ query: { term: { cluster: 'all' } } })
  )
}

async function rolesArePutAndDeletedTogether () {
  const good = { cluster: ['monitor'] }
  const put = roles => security.bulkPutRole({ roles })
  let answer = await put({ 'bulk-1': good, 'bulk-2': good })
  check('bulkPutRole: created', answer, { created: ['bulk-1', 'bulk-2'] })
  answer = await put({
    'bulk-1': good,
    'bulk-2': { cluster: ['all'] },
    'bulk-3': { cluster: ['bogus'] },
    superuser: good
  })
  check('bulkPutRole: noop', answer.noop, ['bulk-1'])
  check('bulkPutRole: updated', answer.updated, ['bulk-2'])
  check('bulkPutRole: errors', answer.errors.count, 2)
  const { 'bulk-3': bad, superuser } = answer.errors.details
  const invalid = 'action_request_validation_exception'
  check('bulkPutRole: bad privilege', bad.type, invalid)
  check('bulkPutRole: reserved', superuser.type, invalid)
  const reserved = 'Role [superuser] is reserved and may not be used.'
  check('bulkPutRole: reserved, told', superuser.reason.includes(reserved), true)
  await checkMissing('bulkPutRole: not stored', {}, () => security.getRole({ name: 'bulk-3' }))
  const names = ['bulk-1', 'superuser', 'nothing_at_all', 'bulk-2']
  answer = await security.bulkDeleteRole({ names })
  check('bulkDeleteRole: deleted', answer.deleted, ['bulk-1', 'bulk-2'])
  check('bulkDeleteRole: not_found', answer.not_found, ['nothing_at_all'])
  const refused = {
    type: 'illegal_argument_exception',
    reason: 'role [superuser] is reserved and cannot be deleted'
  }
  check('bulkDeleteRole: errors', answer.errors.details, { superuser: refused })
}

async function badRolesAreRefused () {
  const put = role => security.putRole({ name: 'bad', ...role })
  await checkInvalid(
    'putRole: reserved',
    'Role [superuser] is reserved and may not be used.',
    () => put({ name: 'superuser', cluster: [] })
  )
  const { error } = await checkError('putRole: cluster', 400, () => put({ cluster: ['bogus'] }))
  check('putRole: cluster: type', error.type, 'action_request_validation_exception')
  const start = 'unknown cluster privilege [bogus]. a privilege must be either one of the' +
    ' predefined cluster privilege names [manage_own_api_key,'
  check('putRole: cluster, the names in order', error.reason.includes(start), true)
  const end = 'or a pattern over one of the available cluster actions;'
  check('putRole: cluster, the end', error.reason.endsWith(end), true)
  await checkTold(
    'putRole: index',
    400,
    'unknown index privilege [bogus]. a privilege must be either',
    () => put({ indices: [{ names: ['*'], privileges: ['bogus'] }] })
  )
  await checkInvalid(
    'putRole: metadata',
    'role descriptor metadata keys may not start with [_]',
    () => put({ metadata: { _x: 1 } })
  )
  await checkInvalid(
    'putRole: description',
    'Role description must be less than 1000 characters.',
    () => put({ description: 'd'.repeat(1001) })
  )
  await checkRefused(
    'putRole: unknown member',
    400,
    'parse_exception',
    'failed to parse role [bad]. unexpected field [colour]',
    () => put({ body: { colour: 'blue' } })
  )
  await checkRefused(
    'putRole: index without names',
    400,
    'parse_exception',
    'failed to parse indices privileges for role [bad]. missing required [names] field',
    () => put({ indices: [{ privileges: ['read'] }] })
  )
  await checkRefused(
    'deleteRole: reserved',
    400,
    'illegal_argument_exception',
    'role [viewer] is reserved and cannot be deleted',
    () => security.deleteRole({ name: 'viewer' })
  )
  await checkMissing('nothing is stored', {}, () => security.getRole({ name: 'bad' }))
}

async function aRoleOpensWhatItNamesAtOnce () {
  const rita = { username: 'rita', password: 'rita-password' }
  const mine = { name: 'mine', cluster: ['all'] }
  await security.putRole({ name: 'reader', cluster: ['read_security'] })
  await security.putUser({ ...rita, roles: ['reader', 'gone'] })
  await as(rita, async user => {
    check('read_security: getRole', 'reader' in await user.security.getRole(), true)
    await checkRefused(
      'read_security: putRole',
      403,
      'security_exception',
      'action [cluster:admin/xpack/security/role/put] is unauthorized for user [rita] with' +
        ' effective roles [reader] (assigned roles [gone] were not found),' +
        ' this action is granted by the cluster privileges [manage_security,all]',
      () => user.security.putRole(mine)
    )
    await security.putRole({ name: 'reader', cluster: ['manage_security'] })
    const answer = await user.security.putRole(mine)
    check('a role defined anew', answer.role.created, true)
  })
}

module.exports = [
  rolesAreKeptWhole,
  rolesAreQueried,
  rolesArePutAndDeletedTogether,
  badRolesAreRefused,
  aRoleOpensWhatItNamesAtOnce
]
