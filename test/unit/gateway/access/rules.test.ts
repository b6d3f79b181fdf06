import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AgentSpec } from '../../../../src/config/fleet-options.ts'
import type { Caller, Scope } from '../../../../src/gateway/access/caller.ts'
import { declarable, hostFields, requireDeclarable } from '../../../../src/gateway/access/spec-rules.ts'
import {
  directoryOf,
  isWithin,
  requireApproval,
  requireWithin,
} from '../../../../src/gateway/access/turn-rules.ts'
import { thrownBy } from '../../../support/tokens.ts'
import { tempHome } from '../../../support/home.ts'

const caller = (scopes: Scope[], agents?: string[], tenant?: string): Caller => ({
  tokenId: 't',
  scopes: new Set(scopes),
  agents: agents && new Set(agents),
  tenant,
})
const refused = (field: string) => ({ problem: { status: 403, code: 'ERR_OPENCODE_FORBIDDEN', field } })

const values = {
  binary: '/opt/opencode',
  env: { A: 'b' },
  config: { share: 'manual' },
  directory: '/srv/project',
  trustProjectConfig: true,
  uid: 1001,
  gid: 1001,
  hostTools: [{ name: 'x' }],
}
const specWith = (fields: object): AgentSpec => ({ id: 'a1', tenant: 'acme', ...fields })
const wire: Record<string, string> = { trustProjectConfig: 'trust_project_config', hostTools: 'host_tools' }

describe('the fields of the host', () => {
  const tenantAdmin = caller(['admin'], undefined, 'acme')
  const agentAdmin = caller(['admin'], ['a1'])

  it.each(hostFields)('%s needs an admin of all agents', (name) => {
    const spec = specWith({ [name]: values[name] })
    for (const who of [tenantAdmin, agentAdmin])
      expect(thrownBy(() => declarable(who, spec, undefined))).toMatchObject(refused(wire[name] ?? name))
    expect(declarable(caller(['admin']), spec, undefined)).toBe(spec)
  })

  it.each(hostFields)('%s stays if an admin of some agents declares the agent without it', (name) => {
    const existing = specWith({ [name]: values[name], labels: { old: 'x' } })
    const changed = declarable(tenantAdmin, specWith({ labels: { a: 'b' } }), existing)
    expect(changed).toEqual(specWith({ [name]: values[name], labels: { a: 'b' } }))
    expect(declarable(caller(['admin']), specWith({}), existing)).toEqual(specWith({}))
  })

  it('may be repeated, and not changed or removed by an admin of some agents', () => {
    const existing = specWith({ uid: 1001 })
    expect(declarable(tenantAdmin, specWith({ uid: 1001 }), existing)).toEqual(existing)
    for (const uid of [0, null])
      expect(thrownBy(() => requireDeclarable(tenantAdmin, { uid }, existing))).toMatchObject(refused('uid'))
    expect(thrownBy(() => requireDeclarable(tenantAdmin, { gid: null }, existing))).toBeUndefined()
  })

  it('are not reached without the scope admin', () => {
    expect(
      thrownBy(() => declarable(caller(['read', 'turn', 'approve']), specWith({}), undefined)),
    ).toMatchObject({
      problem: { status: 403, detail: expect.stringContaining('no scope admin') as string },
    })
  })
})

describe('the tenant of a spec', () => {
  it.each<[string, Caller, object, object | undefined, string | undefined]>([
    ['a new agent of the tenant', caller(['admin'], undefined, 'acme'), {}, undefined, undefined],
    [
      'a new agent of another tenant',
      caller(['admin'], undefined, 'acme'),
      { tenant: 'b' },
      undefined,
      'tenant',
    ],
    [
      'a new agent without a tenant',
      caller(['admin'], undefined, 'acme'),
      { tenant: undefined },
      undefined,
      'tenant',
    ],
    ['an agent that is not in the list', caller(['admin'], ['a2']), {}, undefined, 'id'],
    ['a move to another tenant', caller(['admin'], ['a1']), { tenant: 'b' }, {}, 'tenant'],
    ['an agent of another tenant', caller(['admin'], undefined, 'acme'), {}, { tenant: 'b' }, 'tenant'],
    ['a move by an admin of all agents', caller(['admin']), { tenant: 'b' }, {}, undefined],
  ])('%s', (_what, who, given, existing, field) => {
    const thrown = thrownBy(() => declarable(who, specWith(given), existing && specWith(existing)))
    if (field === undefined) expect(thrown).toBeUndefined()
    else expect(thrown).toMatchObject(refused(field))
  })
})

describe('on_permission', () => {
  it.each<[unknown, Scope[], boolean]>([
    ['once', ['turn'], false],
    ['always', ['turn', 'read', 'admin'], false],
    ['once', ['turn', 'approve'], true],
    ['ask', ['turn'], true],
    ['reject', ['turn'], true],
    [undefined, ['turn'], true],
  ])('%s with the scopes %j: allowed %s', (answer, scopes, isAllowed) => {
    const thrown = thrownBy(() => requireApproval(caller(scopes), answer))
    if (isAllowed) expect(thrown).toBeUndefined()
    else expect(thrown).toMatchObject(refused('on_permission'))
  })

  it('of a spec needs the scope approve too, because turns without an answer of their own use it', () => {
    const spec = specWith({ onPermission: 'always' })
    expect(thrownBy(() => declarable(caller(['admin']), spec, undefined))).toMatchObject(
      refused('on_permission'),
    )
    expect(declarable(caller(['admin', 'approve']), spec, undefined)).toBe(spec)
  })
})

describe('the directory of a turn', () => {
  function folders() {
    const root = tempHome()
    for (const name of ['agent/inside', 'agent-2', 'other']) mkdirSync(join(root, name), { recursive: true })
    symlinkSync(join(root, 'other'), join(root, 'agent/link'))
    symlinkSync(join(root, 'agent/inside'), join(root, 'agent/within'))
    symlinkSync(join(root, 'agent'), join(root, 'alias'))
    return (name: string) => join(root, name)
  }

  it('may be the agent’s own, or a folder in it, and is returned without links', async () => {
    const at = folders()
    expect(await requireWithin(at('agent'), at('agent'))).toBe(at('agent'))
    expect(await requireWithin(at('agent'), at('agent/inside/'))).toBe(at('agent/inside'))
    expect(await requireWithin(at('agent'), at('agent/within'))).toBe(at('agent/inside'))
    expect(await requireWithin(at('alias'), at('alias/inside'))).toBe(at('agent/inside'))
    expect(await requireWithin(at('agent'), at('agent/absent'))).toBe(at('agent/absent'))
  })

  it.each(['other', 'agent-2', 'agent/link', 'agent/../other', '', 'agent/link/x/../../../other', 'absent'])(
    'may not be %j, whether it exists or not',
    async (name) => {
      const at = folders()
      await expect(requireWithin(at('agent'), at(name))).rejects.toMatchObject(refused('directory'))
    },
  )

  it('may not be a relative path', () => expect(isWithin('/srv', 'srv')).toBe(false))

  it('may have a name that begins with dots', () => expect(isWithin('/srv', '/srv/..a')).toBe(true))

  it('is compared with the directory of the spec, of the defaults, or the workspace', () => {
    expect(directoryOf('/data', { id: 'a1', directory: '/x' }, { directory: '/y' })).toBe('/x')
    expect(directoryOf('/data', { id: 'a1' }, { directory: '/y' })).toBe('/y')
    expect(directoryOf('/data', { id: 'a1' })).toBe('/data/a1/workspace')
  })
})
