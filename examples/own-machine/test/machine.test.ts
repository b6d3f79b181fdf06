import { compileOptions, isTerminal } from 'opencode-runtime'
import type { FakeFaults } from 'opencode-runtime/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createActor, toPromise, waitFor } from 'xstate'
import { exampleOptions } from '../../../test/support/example.ts'
import { expectNothingLeft } from '../../../test/support/home.ts'
import { jobsMachine } from '../machine.ts'

async function application(faults: FakeFaults | FakeFaults[] = {}, maxTries = 3) {
  const { options, fake, home } = await exampleOptions(faults)
  const actor = createActor(jobsMachine, {
    input: { opencode: compileOptions(options), maxTries, retryMs: 1 },
  })
  onTestFinished(async () => {
    if (actor.getSnapshot().status === 'active') actor.send({ type: 'app.close' })
    await toPromise(actor)
  })
  const ends: string[] = []
  actor.on('job.reply', ({ job, reply }) => {
    if (isTerminal(reply)) ends.push(`${job} → ${reply.kind === 'final' ? reply.content : reply.code}`)
  })
  actor.start()
  const add = (...jobs: string[]) => jobs.forEach((text) => actor.send({ type: 'job.add', text }))
  const done = () => waitFor(actor, ({ context }) => context.jobs.length === 0)
  return { actor, fake, home, ends, add, done }
}

it('does one job after another on one server', async () => {
  const { add, done, ends, fake } = await application()
  add('echo:one', 'tool echo:two')
  await done()
  add('echo:three')
  await done()
  expect(ends).toEqual(['echo:one → one', 'tool echo:two → two', 'echo:three → three'])
  expect(fake.starts).toHaveLength(1)
})

it('tries a job again if its error may pass, and gives up on others', async () => {
  const { add, done, ends, fake } = await application([{ crashAfterEvents: 5 }, {}])
  add('echo:after a crash', 'fail:401', '')
  await done()
  expect(ends).toEqual(['echo:after a crash → after a crash', 'fail:401 → auth', ' → rejected'])
  expect(fake.starts).toHaveLength(2)
})

it('gives up after maxTries', async () => {
  const { add, done, ends } = await application({ crashAfterEvents: 5 }, 2)
  add('echo:never')
  await done()
  expect(ends).toEqual(['echo:never → server_died'])
})

it('cancels the turn of a job that is skipped', async () => {
  const { actor, add, done, ends, fake } = await application()
  const thinks = new Promise((resolve) => actor.on('job.reply', resolve))
  add('think:hm hang', 'echo:next')
  await thinks
  actor.send({ type: 'job.skip' })
  await done()
  expect(ends).toEqual(['echo:next → next'])
  expect(fake.requests.filter(({ url }) => url.endsWith('/abort'))).not.toEqual([])
})

it('closes in the middle of a job, and leaves nothing', async () => {
  const { actor, add, home } = await application()
  const thinks = new Promise((resolve) => actor.on('job.reply', resolve))
  add('think:hm hang')
  await thinks
  actor.send({ type: 'app.close' })
  await toPromise(actor)
  expect(actor.getSnapshot().value).toBe('closed')
  await expectNothingLeft(home)
})
