// Role mappings: put, shown, replaced, deleted.

'use strict'

const {
  as,
  check,
  checkInvalid,
  checkMissing,
  checkRefused,
  checkTold,
  elastic
} = require('./harness')

const security = elastic.security

const EVERYBODY = { field: { username: '*' } }

async function mappingsAreKept () {
  const rules = {
    all: [
      { any: [{ field: { dn: '*,ou=admins,dc=example,dc=com' } }, EVERYBODY] },
      { field: { groups: ['cn=admins,dc=example,dc=com', '/a[bc]+/'] } },
      { field: { 'realm.name': 'ldap1' } },
      { except: { field: { 'metadata.terminated': true } } }
    ]
  }
  const mapping = { enabled: true, roles: ['viewer'], rules, metadata: { v: 1 } }
  const put = mapping => security.putRoleMapping(mapping)
  let answer = await put({ name: 'map-1', ...mapping })
  check('putRoleMapping: created', answer, { role_mapping: { created: true } })
  answer = await put({ name: 'map-1', ...mapping })
  check('putRoleMapping again', answer, { role_mapping: { created: false } })
  const { 'map-1': shown } = await security.getRoleMapping({ name: 'map-1' })
  check('getRoleMapping', shown, mapping)
  check('getRoleMapping: members in order', Object.keys(shown), Object.keys(mapping))
  await templatesAreShownAsText()
  const some = await security.getRoleMapping({ name: ['map-1', 'map-2', 'map-3'] })
  check('getRoleMapping of several', Object.keys(some).sort(), ['map-1', 'map-2'])
  const all = await security.getRoleMapping()
  check('getRoleMapping of all', Object.keys(all).sort(), ['map-1', 'map-2'])
  await checkMissing('get of none', {}, () => security.getRoleMapping({ name: 'map-3' }))
  for (const name of ['map-1', 'map-2']) {
    const answer = await security.deleteRoleMapping({ name })
    check(`deleteRoleMapping ${name}`, answer, { found: true })
  }
  await checkMissing('delete again', { found: false }, () =>
    security.deleteRoleMapping({ name: 'map-1' }))
  check('getRoleMapping of all, none left', await security.getRoleMapping(), {})
}

async function templatesAreShownAsText () {
  const templates = [
    { template: { source: '{{#tojson}}groups{{/tojson}}' }, format: 'json' },
    { template: { source: 'user-{{username}}' } }
  ]
  const name = 'map-2'
  await security.putRoleMapping({
    name, enabled: false, role_templates: templates, rules: EVERYBODY
  })
  const { [name]: shown } = await security.getRoleMapping({ name })
  const members = ['enabled', 'role_templates', 'rules', 'metadata']
  check('templates: no roles', Object.keys(shown), members)
  const kinds = shown.role_templates.map(template => template.format)
  check('templates: format', kinds, ['json', 'string'])
  const texts = shown.role_templates.map(template => JSON.parse(template.template))
  check('templates: shown as text', texts, templates.map(template => template.template))
}

async function nativeUsersAreNotMapped () {
  const nat = { username: 'nat', password: 'nat-password' }
  await security.putRoleMapping({
    name: 'all', enabled: true, roles: ['superuser'], rules: EVERYBODY
  })
  await security.putUser({ ...nat, roles: ['viewer'] })
  const me = await as(nat, user => user.security.authenticate())
  check("a native user's roles", me.roles, ['viewer'])
  await security.deleteRoleMapping({ name: 'all' })
}

async function badMappingsAreRefused () {
  const put = changes => {
    const body = { enabled: true, roles: ['viewer'], rules: EVERYBODY, ...changes }
    const kept = Object.entries(body).filter(([, value]) => value !== null)
    return security.putRoleMapping({ name: 'bad', body: Object.fromEntries(kept) })
  }
  const xml = { roles: null, role_templates: [{ template: 'x', format: 'xml' }] }
  const wrong = [
    ['enabled', { enabled: null }, 'role-mapping [bad]. missing field [enabled]'],
    ['roles', { roles: null }, 'role-mapping [bad]. missing field [roles]'],
    ['except in any', { rules: { any: [{ except: EVERYBODY }] } }, 'not allowed within [any]'],
    ['except at the top', { rules: { except: EVERYBODY } }, '[except]'],
    ['operator', { rules: { some: [] } }, '[some]'],
    ['two members', { rules: { any: [], all: [] } }, 'contains multiple fields'],
    ['array', { rules: { all: {} } }, 'requires an array'],
    ['member', { run_as: ['x'] }, 'run_as'],
    ['format', xml, 'xml']
  ]
  for (const [what, changes, told] of wrong) {
    await checkTold(`mapping: ${what}`, 400, told, () => put(changes))
  }
  await checkInvalid(
    'mapping: metadata',
    'metadata keys may not start with [_]',
    () => put({ metadata: { _x: 1 } })
  )
  await checkMissing('nothing is stored', {}, () => security.getRoleMapping({ name: 'bad' }))
  const mara = { username: 'mara', password: 'mara-password' }
  await security.putUser({ ...mara, roles: ['viewer'] })
  const mine = { name: 'bad', enabled: true, roles: ['superuser'], rules: EVERYBODY }
  await as(mara, user => checkRefused(
    'mapping: without the privilege',
    403,
    'security_exception',
    'action [cluster:admin/xpack/security/role_mapping/put] is unauthorized for user' +
      ' [mara] with effective roles [viewer],' +
      ' this action is granted by the cluster privileges [manage_security,all]',
    () => user.security.putRoleMapping(mine)
  ))
}

module.exports = [
  mappingsAreKept,
  nativeUsersAreNotMapped,
  badMappingsAreRefused
]
