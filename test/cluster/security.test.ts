import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { Turn } from '../../src/api/turn-handle.ts'
import { callerPartsOf } from '../../src/cluster/client/caller.ts'
import type { Cluster } from '../../src/cluster/client/cluster.ts'
import { connectCluster } from '../../src/cluster/client/connect-cluster.ts'
import type { ClusterHost } from '../../src/cluster/cluster-host.ts'
import { joinCluster } from '../../src/cluster/join-cluster.ts'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { Fleet } from '../../src/index.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { collect, textOf } from '../support/cluster-caller.ts'
import { fleetDefaults } from '../support/fleet.ts'
import { writeNatsConfig } from '../support/nats-config.ts'
import { NatsServer } from '../support/nats-server.ts'

const binary = inject('natsServer')
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i} `)

describe.skipIf(binary === null)(
  'A cluster on nats-server with the configuration of nats-config',
  async () => {
    if (binary === null) return
    const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
    const name = randomUUID().slice(0, 8)
    const { config, credentials } = await writeNatsConfig(
      folder,
      name,
      '--tenant',
      'acme',
      '--tenant',
      'beta',
    )
    const server = await NatsServer.start(binary, { config })
    const fake = await fakeOpenCode(
      {},
      { script: [{ match: 'slow', reply: { text: words(20), chunkDelayMs: 50 } }] },
    )
    const fleet = new Fleet({
      dataDir: join(folder, 'fleet'),
      defaults: { ...fleetDefaults, binary: fake.binary },
    })
    const connectAs = (user: string) => () => server.connect(credentials(user))
    const contextKey = randomUUID()
    let host: ClusterHost | undefined
    beforeAll(async () => {
      await fleet.apply([
        { id: 'a1', tenant: 'acme' },
        { id: 'asking', tenant: 'acme' },
        { id: 'b1', tenant: 'beta' },
      ])
      host = await joinCluster({ fleet, name, connect: connectAs('hosts'), leaseMs: 3_000, contextKey })
    }, 60_000)
    afterAll(async () => {
      await host?.close()
      await fleet.close()
      await fake.stop()
      await server.stop()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }, 60_000)

    const callerOf = async (tenant: string): Promise<Cluster> => {
      const cluster = await connectCluster({ name, tenant, connect: connectAs(`tenant-${tenant}`) })
      onTestFinished(() => cluster.close())
      return cluster
    }
    const hasText = (turn: Turn) => {
      const { replies } = collect(turn)
      return vi.waitUntil(() => textOf(replies) !== '', { timeout: 20_000 })
    }

    describe('lets a caller of one tenant', () => {
      it('run turns of its agents, and see its own agents and places only', async () => {
        const [acme, beta] = [await callerOf('acme'), await callerOf('beta')]
        const turn = acme.turn('a1', 'slow')
        const { replies } = collect(turn)
        expect(await turn.text()).toBe(words(20).join(''))
        expect(textOf(replies)).toBe(words(20).join(''))
        expect(await beta.turn('b1', 'Hi').done).toMatchObject({ kind: 'final' })
        await vi.waitUntil(() => acme.status.places.length > 0 && beta.status.places.length > 0, {
          timeout: 5_000,
        })
        expect(acme.status.places).toMatchObject([{ agentId: 'a1', tenant: 'acme', hostId: host?.id }])
        expect(beta.status.places).toMatchObject([{ agentId: 'b1', tenant: 'beta' }])
        expect(acme.status.hosts).toMatchObject([{ id: host?.id, state: 'up' }])
        expect(await beta.turn('a1', 'Hi').done).toMatchObject({ kind: 'error', code: 'rejected' })
      })

      it('answer a permission, and cancel a turn', async () => {
        const acme = await callerOf('acme')
        const asking = acme.turn('asking', { text: 'permission', onPermission: () => 'once' })
        expect(await asking.done).toMatchObject({ kind: 'final' })
        const slow = acme.turn('a1', 'slow')
        await hasText(slow)
        slow.cancel()
        expect(await slow.done).toMatchObject({ code: 'cancelled' })
      })

      it('send a turn that is larger than a message, of which nothing stays', async () => {
        const acme = await callerOf('acme')
        const attachments = [{ mime: 'text/plain', data: Buffer.alloc(3_000_000, 'x') }]
        expect(await acme.turn('a1', { text: 'Hi', attachments }).done).toMatchObject({ kind: 'final' })
        const manager = await jetstreamManager(await open('hosts'))
        const parcels = () => manager.streams.info(`OC_${name}_PARCELS`)
        await vi.waitFor(async () => expect((await parcels()).state.messages).toBe(0), { timeout: 5_000 })
        const { state, config: stream } = await parcels()
        // The turn has come in parts. Those of a turn that never came are deleted after a day.
        expect(state.last_seq).toBeGreaterThan(5)
        expect(stream.max_age).toBe(nanos(86_400_000))
      })

      it('send a turn with a context, sealed for the hosts', async () => {
        const acme = await callerOf('acme')
        const context = { user: 'somebody' }
        expect(await acme.turn('a1', { text: 'Hi', context }).done).toMatchObject({ kind: 'final' })
      })

      it('attach to its turns from the first reply, and to no turn of another tenant', async () => {
        const [acme, again] = [await callerOf('acme'), await callerOf('acme')]
        const turn = acme.turn('a1', 'slow')
        await hasText(turn)
        const attached = collect(again.attach(turn.id))
        await turn.done
        const late = collect(again.attach(turn.id))
        await vi.waitUntil(() => attached.ends.length > 0 && late.ends.length > 0, { timeout: 10_000 })
        for (const { replies, ends } of [attached, late]) {
          expect(textOf(replies)).toBe(words(20).join(''))
          expect(ends).toEqual([await turn.done])
        }
        const other = await open('tenant-beta')
        const ask = async (kind: string, question: object) =>
          (await other.request(`oc.${name}.ask.beta.${kind}`, JSON.stringify(question))).json()
        const own = { agentId: 'a1', turnId: turn.id }
        expect(await ask('find', own)).toEqual({ answer: { agentId: null } })
        expect(await ask('last', own)).toEqual({ answer: { batch: null } })
        expect(await ask('read', { ...own, after: 0 })).toEqual({ answer: { batches: [], hasMore: false } })
      })
    })

    it('keeps turns of two tenants with one id apart, and takes the id of neither for another turn', async () => {
      const [acme, beta] = [await callerOf('acme'), await callerOf('beta')]
      const turnId = randomUUID()
      const turns = [
        acme.turn('a1', { text: 'slow', turnId }),
        beta.turn('b1', { text: 'slow', turnId }),
      ] as const
      const again = beta.turn('b1', { text: 'slow', turnId })
      for (const turn of turns) expect(await turn.text()).toBe(words(20).join(''))
      expect(await again.done).toEqual(await turns[1].done)
      const sessions = await Promise.all([...turns, acme.attach(turnId)].map((turn) => turn.sessionId))
      expect(sessions[2]).toBe(sessions[0])
      expect(sessions[1]).not.toBe(sessions[0])
      const cluster = await connectCluster({ name, connect: connectAs('callers') })
      onTestFinished(() => cluster.close())
      const [own, other] = [
        await cluster.attach(turnId).sessionId,
        cluster.turn('asking', { text: 'Hi', turnId }),
      ]
      expect(sessions).toContain(own)
      expect(await other.done).toMatchObject({
        code: 'rejected',
        error: expect.stringContaining('another agent') as string,
      })
    })

    it('lets a caller of all tenants run, attach and see everything', async () => {
      const cluster = await connectCluster({ name, connect: connectAs('callers') })
      const closing = new AbortController()
      onTestFinished(async () => {
        closing.abort()
        await cluster.close()
      })
      const turn = cluster.turn('b1', 'Hi')
      expect(await turn.done).toMatchObject({ kind: 'final' })
      expect(await cluster.attach(turn.id).done).toEqual(await turn.done)
      expect(await cluster.turn('a1', 'Hi').done).toMatchObject({ kind: 'final' })
      await vi.waitUntil(() => cluster.status.places.length >= 2, { timeout: 5_000 })
      const reports = callerPartsOf(cluster)?.store.reports
      const heard: unknown[] = []
      reports?.watch((_hostId, report) => heard.push(report), closing.signal)
      reports?.ask()
      await vi.waitFor(() => expect(heard).toContainEqual(expect.objectContaining({ isWhole: true })), 5_000)
    })
    const open = async (user: string): Promise<NatsConnection> => {
      const connection = await connectAs(user)()
      onTestFinished(() => connection.close())
      return connection
    }
    const keyOf = (bucket: string, key: string) => `$KV.OC_${name}_${bucket}.${key}`

    describe('refuses', () => {
      it.each([
        ['a turn of another tenant', `oc.%.in.beta.b1.turn`],
        ['a cancel of another tenant’s turn', `oc.%.in.beta.b1.ctl.t1`],
        ['a question in the name of another tenant', `oc.%.ask.beta.read`],
        ['a part of another tenant’s large turn', `oc.%.at.beta.b1.t1.0`],
        ['a record', `oc.%.re.acme.a1.t1`],
        ['a record that was not stored', `oc.%.live.acme.a1.t1`],
        ['a report of a host', `oc.%.ev.h9`],
        ['an ask for reports', `oc.%.ev-ask.all`],
        ['an owner', `$KV.OC_%_PLACES.acme.a1`],
        ['a lease', `$KV.OC_%_HOSTS.h9`],
        ['a home', `$KV.OC_%_HOMES.acme.a1`],
        ['an agent', `$KV.OC_%_AGENTS.acme.a9`],
        ['the subjects of a stream', `$JS.API.STREAM.INFO.OC_%_INBOX`],
        ['the names of all streams', `$JS.API.STREAM.NAMES`],
        ['a record of another tenant by its number', `$JS.API.STREAM.MSG.GET.OC_%_REPLIES`],
        ['a record of another tenant by its subject', `$JS.API.DIRECT.GET.OC_%_REPLIES.oc.%.re.beta.b1.t1`],
        ['a part of a large turn, to read', `$JS.API.DIRECT.GET.OC_%_PARCELS.oc.%.at.beta.b1.t1.0`],
        ['a consumer', `$JS.API.CONSUMER.CREATE.OC_%_REPLIES.c1.oc.%.re.acme.>`],
        ['the end of a stream', `$JS.API.STREAM.DELETE.OC_%_REPLIES`],
        ['the end of all messages', `$JS.API.STREAM.PURGE.OC_%_INBOX`],
        ['the end of a message', `$JS.API.STREAM.MSG.DELETE.OC_%_INBOX`],
      ])('%s from a caller of one tenant', async (_what, subject) => {
        const acme = await open('tenant-acme')
        const asked = acme.request(subject.replaceAll('%', name), '{}', { timeout: 2_000 })
        await expect(asked).rejects.toThrow(/permissions violation/i)
      })

      it.each(['oc.%.live.beta.>', 'oc.%.ev.*', 'oc.%.wake.>', 'oc.%.in.>', 'oc.%.live.>', '$KV.>', '>'])(
        'a caller of one tenant that listens at %s',
        async (subject) => {
          const acme = await open('tenant-acme')
          const error = new Promise((resolve) => {
            acme.subscribe(subject.replaceAll('%', name), { callback: resolve })
          })
          expect(await error).toMatchObject({
            message: expect.stringMatching(/permissions violation/i) as string,
          })
        },
      )

      it('what a message of one tenant would make the server write by its reply subject', async () => {
        const store = await openNatsStore({ name, connect: connectAs('hosts'), mayProvision: true })
        onTestFinished(() => store.close())
        const agents = await store.agents.get('acme.a1')
        const acme = await open('tenant-acme')
        for (const subject of [`oc.${name}.in.acme.zz.turn`, `oc.${name}.ask.acme.view`])
          acme.publish(subject, '{}', { reply: keyOf('AGENTS', 'acme.a1') })
        // The answers to later messages arrive after the answers to the earlier ones.
        await jetstream(acme).publish(`oc.${name}.in.acme.zz.turn`, '{}')
        await acme.request(`oc.${name}.ask.acme.view`, '{}')
        expect(await store.agents.get('acme.a1')).toEqual(agents)
      })

      it.each([
        ['read', { agentId: 'a1.t1', turnId: '>', after: 0 }],
        ['read', { agentId: '*', turnId: 't1', after: 0 }],
        ['read', { agentId: 'a1', turnId: 't1', after: '0' }],
        ['find', { turnId: '*' }],
        ['find', {}],
        ['last', 'no object'],
        ['everything', {}],
      ])('the question %s with %j', async (kind, question) => {
        const acme = await open('tenant-acme')
        const asked = await acme.request(`oc.${name}.ask.acme.${kind}`, JSON.stringify(question))
        expect(asked.json()).toEqual({ error: expect.stringContaining('is not known') as string })
      })

      it('more questions of one tenant at once than a host answers, and then answers again', async () => {
        const acme = await open('tenant-acme')
        const ask = async (tenant: NatsConnection, id: string) => {
          const subject = `oc.${name}.ask.${id}.find`
          const answer = await tenant.request(subject, '{"turnId":"t9"}', { timeout: 5_000 })
          return answer.json<{ isBusy?: true }>().isBusy ?? false
        }
        const many = Array.from({ length: 200 }, () => ask(acme, 'acme'))
        const other = ask(await open('tenant-beta'), 'beta')
        expect(await Promise.all(many)).toContain(true)
        expect(await other).toBe(false)
        expect(await ask(acme, 'acme')).toBe(false)
      })

      it('a caller of all tenants that writes or deletes what hosts have stored', async () => {
        const callers = await open('callers')
        const subjects = ['oc.%.re.acme.a1.t1', 'oc.%.ev.h9', '$KV.OC_%_PLACES.acme.a1', '$KV.OC_%_HOSTS.h9']
        for (const subject of [...subjects, '$JS.API.STREAM.PURGE.OC_%_REPLIES'])
          await expect(callers.request(subject.replaceAll('%', name), '{}')).rejects.toThrow(
            /permissions violation/i,
          )
        const manager = await jetstreamManager(callers)
        await expect(manager.streams.delete(`OC_${name}_REPLIES`)).rejects.toThrow(/permissions violation/i)
      })

      it('what a caller of all tenants may not do as denied, not as a store that is away', async () => {
        const store = await openNatsStore({ name, connect: connectAs('callers'), mayProvision: false })
        onTestFinished(() => store.close())
        const agent = { tenant: 'acme', agentId: 'a1' }
        const denied = { name: 'ClusterStoreError', fault: 'denied' }
        await expect(store.records.keepLast(agent, 't1')).rejects.toMatchObject(denied)
        await expect(
          store.records.append(agent, 't1', { epoch: 1, first: 1, records: [] }, 0),
        ).rejects.toMatchObject(denied)
        await expect(store.agents.set('acme.a9', {}, 0)).rejects.toMatchObject(denied)
      })

      it('a connection without a key', async () => {
        await expect(server.connect({ maxReconnectAttempts: 0 })).rejects.toThrow(/authorization/i)
      })
    })
  },
)
