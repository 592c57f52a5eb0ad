// What stands beside identities: caches, settings, statistics, certificates.

'use strict'

const {
  as,
  authority,
  check,
  checkError,
  checkRefused,
  checkTold,
  elastic
} = require('./harness')

const security = elastic.security

async function cachesAreCleared () {
  const cleo = { username: 'cleo', password: 'cleo-password' }
  await security.putUser({ ...cleo, roles: ['viewer'] })
  const calls = {
    clearCachedRealms: () =>
      security.clearCachedRealms({ realms: 'default_native', usernames: ['cleo'] }),
    'clearCachedRealms of all': () => security.clearCachedRealms({ realms: '*' }),
    clearCachedRoles: () => security.clearCachedRoles({ name: ['viewer', 'unknown'] }),
    clearCachedPrivileges: () => security.clearCachedPrivileges({ application: '*' }),
    clearApiKeyCache: () => security.clearApiKeyCache({ ids: '*' }),
    clearCachedServiceTokens: () => security.clearCachedServiceTokens({
      namespace: 'elastic', service: 'fleet-server', name: 'unknown'
    })
  }
  for (const [what, call] of Object.entries(calls)) {
    const answer = await call()
    check(what, answer._nodes, { total: 1, successful: 1, failed: 0 })
    check(`${what}: cluster_name`, answer.cluster_name, 'jeton-clients')
    const nodes = Object.values(answer.nodes)
    check(`${what}: node`, nodes.map(node => Object.keys(node)), [['name']])
  }
  await as(cleo, user => checkRefused(
    'clearCachedRoles without the privilege',
    403,
    'security_exception',
    'action [cluster:admin/xpack/security/roles/cache/clear] is unauthorized for user' +
      ' [cleo] with effective roles [viewer],' +
      ' this action is granted by the cluster privileges [manage_security,all]',
    () => user.security.clearCachedRoles({ name: '*' })
  ))
}

async function settingsAreKept () {
  const first = { index: { auto_expand_replicas: '0-1', number_of_replicas: '0' } }
  const all = { security: first, 'security-profile': first, 'security-tokens': first }
  check('getSettings', await security.getSettings(), all)
  const answer = await security.updateSettings({
    security: { 'index.number_of_replicas': 1 },
    'security-tokens': { index: { auto_expand_replicas: '0-all' } }
  })
  check('updateSettings', answer, { acknowledged: true })
  const settings = await security.getSettings()
  check('a number is text', settings.security.index.number_of_replicas, '1')
  check('nested settings', settings['security-tokens'].index.auto_expand_replicas, '0-all')
  check('the others stay', settings['security-profile'], first)
  await security.updateSettings({
    security: { 'index.number_of_replicas': null },
    'security-tokens': { index: { auto_expand_replicas: null } }
  })
  check('null resets', await security.getSettings(), all)
  await checkTold(
    'updateSettings: another setting',
    400,
    'illegal settings for index [security]: [',
    () => security.updateSettings({ security: { 'index.refresh_interval': '1s' } })
  )
  await checkError('updateSettings: another index', 400, () =>
    security.updateSettings({ body: { other: { 'index.number_of_replicas': 1 } } }))
  check('nothing is stored', await security.getSettings(), all)
}

async function statisticsAreShown () {
  // Clients before 9.2 do not know the call.
  if (typeof security.getStats !== 'function') return
  const [node] = Object.values((await security.getStats()).nodes)
  const cache = node.roles.dls.bit_set_cache
  check('getStats', [cache.count, cache.memory], [0, '0b'])
}

async function certificatesAreShown () {
  const found = await elastic.ssl.certificates()
  if (!authority) {
    check('certificates without TLS', found, [])
    return
  }
  const members = [
    'path',
    'format',
    'alias',
    'subject_dn',
    'serial_number',
    'has_private_key',
    'expiry',
    'issuer'
  ]
  check('certificates: some', found.length > 0, true)
  const each = value => found.map(() => value)
  check('certificates: members in order', found.map(one => Object.keys(one)), each(members))
  const kinds = found.map(({ format, alias }) => [format, alias])
  check('certificates: PEM has no alias', kinds, each(['PEM', null]))
  check("certificates: the server's own", found[0].has_private_key, true)
}

module.exports = [
  cachesAreCleared,
  settingsAreKept,
  statisticsAreShown,
  certificatesAreShown
]
