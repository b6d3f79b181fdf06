import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  isOlder,
  judgeVersion,
  oldestNode,
  oldestSupported,
  tested,
} from '../../../../src/io/opencode/versions.ts'
import { imitatedVersion } from '../../../../src/testing/fake-opencode/util.mjs'

const packageJson = JSON.parse(
  readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
) as {
  engines: { node: string }
  peerDependencies: Record<string, string>
}

describe('judgeVersion', () => {
  it.each([
    [tested.from, 'supported'],
    [tested.to, 'supported'],
    [`v${tested.to}\n`, 'supported'],
    [`${tested.to}+build.7`, 'supported'],
    [oldestSupported, 'untested'],
    ['1.999.0', 'untested'],
    ['2.0.0', 'untested'],
    [`${tested.to}-next.1`, 'untested'],
    ['0.0.0-dev-202611220811', 'untested'],
    ['0.0.0', 'untested'],
    [`${oldestSupported}-rc.1`, 'unsupported'],
    ['1.1.57', 'unsupported'],
    ['0.15.3', 'unsupported'],
    ['', 'unknown'],
    ['1.18', 'unknown'],
    ['latest', 'unknown'],
    [`${tested.to} is out`, 'unknown'],
  ] as const)('%j is %s', (version, judgement) => expect(judgeVersion(version)).toBe(judgement))

  it('has an ordered range of tested versions', () => {
    expect(isOlder(tested.from, oldestSupported)).toBe(false)
    expect(isOlder(tested.to, tested.from)).toBe(false)
  })

  it('agrees with package.json', () => {
    expect(packageJson.engines.node).toBe(`>=${oldestNode.replace(/\.0$/, '')}`)
    expect(packageJson.peerDependencies['opencode-ai']).toBe(`>=${oldestSupported}`)
  })
})

describe('isOlder', () => {
  it('compares numbers, not text', () => {
    expect(isOlder('1.9.0', '1.18.0')).toBe(true)
    expect(isOlder('1.18.0', '1.9.0')).toBe(false)
    expect(isOlder('1.18.9', '1.18.10')).toBe(true)
    expect(isOlder('1.18.10', '1.18.10')).toBe(false)
  })
})

it('the fake opencode imitates the newest tested version', () => {
  expect(imitatedVersion).toBe(tested.to)
})

it('the documentation names the tested versions and the oldest supported version', () => {
  const page = readFileSync(new URL('../../../../docs/getting-started.md', import.meta.url), 'utf8')
  expect(page).toContain(`The package is tested with ${tested.to}.`)
  expect(page).toContain(`older than ${oldestSupported}, the oldest`)
})
