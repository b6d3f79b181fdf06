import { describe, expect, it } from 'vitest'
import { Transcript } from '../../../../../src/actors/turn/reducer/transcript.ts'
import type { WirePart } from '../../../../../src/io/opencode/wire.ts'

/** A transcript, what it has sent so far, and the parts of its one message, as the server tells them. */
function transcript() {
  const sent: string[] = []
  const subject = new Transcript('t1', ({ kind, trace_id, content }) => {
    expect(trace_id).toBe('t1')
    sent.push(kind === 'delta' ? content : `(${content})`)
  })
  const part = (id: string, type: string, more: Partial<WirePart> = {}): WirePart => ({
    ...{ id, messageId: 'msg_1', type, text: '', ended: false, synthetic: false },
    ...{ tool: undefined, childId: undefined },
    ...more,
  })
  return {
    subject,
    sent,
    begins: (id: string, type = 'text', more?: Partial<WirePart>) => subject.update(part(id, type, more)),
    ends: (id: string, text: string, type = 'text') => subject.update(part(id, type, { text, ended: true })),
    says: (id: string, ...deltas: string[]) => deltas.forEach((delta) => subject.append(id, delta)),
    step: (id: string, messageId = 'msg_1') => subject.beginStep(part(id, 'step-start', { messageId })),
    finished: (messageId = 'msg_1') => subject.finishStep(part('prt_finish', 'step-finish', { messageId })),
  }
}

describe('a text', () => {
  it('is sent as it comes, and its end sends what was missing of it', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'Hel', 'lo')
    ends('prt_1', 'Hello, you')
    expect(sent).toEqual(['Hel', 'lo', ', you'])
    expect(subject.answer).toBe('Hello, you')
  })

  it('that begins with some of its words has these sent', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1', 'text', { text: 'Well, ' })
    says('prt_1', 'then')
    expect(sent).toEqual(['Well, ', 'then'])
  })

  it('that is told anew while it grows is sent on from where it was', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', 'ab')
    begins('prt_1', 'text', { text: 'abcd' })
    says('prt_1', 'e')
    expect(sent).toEqual(['ab', 'cd', 'e'])
  })

  it('that has ended takes nothing any more: no delta, no other end', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    ends('prt_1', 'Hello')
    says('prt_1', ' again')
    ends('prt_1', 'Hello and more')
    expect(sent).toEqual(['Hello'])
    expect(subject.answer).toBe('Hello')
  })

  it('whose end does not join what was sent of it stays as it was sent', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'Hullo')
    ends('prt_1', 'Hello, you')
    expect(sent).toEqual(['Hullo'])
    expect(subject.answer).toBe('Hullo')
  })

  it('sends nothing for nothing', () => {
    const { sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', '', 'a', '')
    ends('prt_1', 'a')
    expect(sent).toEqual(['a'])
  })

  it('whose deltas came before it waits for its whole text', () => {
    const { sent, begins, says, ends } = transcript()
    says('prt_1', 'lost ')
    begins('prt_1')
    says('prt_1', 'and found')
    expect(sent).toEqual([])
    ends('prt_1', 'lost and found')
    expect(sent).toEqual(['lost and found'])
  })

  it('and reasoning are told apart by their parts, and only text is the answer', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1', 'reasoning')
    says('prt_1', 'hm')
    ends('prt_1', 'hmm', 'reasoning')
    begins('prt_2')
    says('prt_2', 'yes')
    expect(sent).toEqual(['(hm)', '(m)', 'yes'])
    expect(subject.answer).toBe('yes')
  })
})

describe('a surrogate pair that deltas cut', () => {
  const [first, second] = ['\ud83d', '\ude00'] as [string, string]

  it('is sent whole, with its second half', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', `a${first}`, `${second}b`)
    expect(sent).toEqual(['a', '😀b'])
  })

  it('is sent at the end where its second half came with that', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', first)
    expect(sent).toEqual([])
    ends('prt_1', '😀')
    expect(sent).toEqual(['😀'])
    expect(subject.answer).toBe('😀')
  })

  it.each(['\ud800', '\udbff'])('is waited for whatever its first half is: %j', (half) => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', half, '\udc00')
    expect(sent).toEqual([`${half}\udc00`])
  })

  it.each(['\ud7ff', '\udc00', '\udfff', '\ue000'])('is nothing that ends in another unit: %j', (unit) => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', unit)
    expect(sent).toEqual([unit])
  })
})

describe('a gap', () => {
  it('has texts that are open wait for their ends, and leaves those that have ended', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    ends('prt_1', 'one ')
    begins('prt_2')
    says('prt_2', 'tw')
    subject.awaitWholeTexts()
    says('prt_2', 'ree')
    expect(sent).toEqual(['one ', 'tw'])
    ends('prt_2', 'two, three')
    expect(sent).toEqual(['one ', 'tw', 'o, three'])
    begins('prt_3')
    says('prt_3', '!')
    expect(sent.at(-1)).toBe('!')
  })
})

describe('a retry', () => {
  it('takes what its attempt had said out of the answer, once the next one begins', () => {
    const { subject, sent, step, begins, says } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'wrong')
    subject.retry('msg_1')
    expect(subject.answer).toBe('wrong')
    step('prt_s2')
    expect(subject.answer).toBe('')
    says('prt_1', ' still')
    begins('prt_2')
    says('prt_2', 'right')
    expect(subject.answer).toBe('right')
    expect(sent).toEqual(['wrong', 'right'])
  })

  it('is over with the first word of the next attempt too', () => {
    const { subject, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', 'wrong')
    subject.retry('msg_1')
    begins('prt_2')
    expect(subject.answer).toBe('')
  })

  it('whose text ends late sends nothing of it', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'wro')
    subject.retry('msg_1')
    begins('prt_2')
    ends('prt_1', 'wrong')
    expect(sent).toEqual(['wro'])
    expect(subject.answer).toBe('')
  })

  it('of one message leaves the others alone', () => {
    const { subject, begins, says, step } = transcript()
    begins('prt_1', 'text', { messageId: 'msg_0' })
    says('prt_1', 'before ')
    begins('prt_2')
    says('prt_2', 'wrong')
    subject.retry('msg_1')
    step('prt_s2')
    begins('prt_3')
    says('prt_3', 'right')
    expect(subject.answer).toBe('before right')
  })

  it('whose notice was missed is seen by a step that begins while one before it is open', () => {
    const { subject, step, begins, says } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'wrong')
    step('prt_s2')
    expect(subject.answer).toBe('')
  })

  it('is none where the step before has finished, or is only told again, or is of another message', () => {
    const { subject, step, begins, says, finished } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'one ')
    step('prt_s1')
    expect(subject.answer).toBe('one ')
    step('prt_x', 'msg_2')
    expect(subject.answer).toBe('one ')
    finished()
    step('prt_s2')
    begins('prt_2')
    says('prt_2', 'two')
    expect(subject.answer).toBe('one two')
  })

  it('that is announced late, of a step that then finishes, was none: its text counts, all of it', () => {
    const { subject, sent, step, begins, says, ends, finished } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'ri')
    subject.retry('msg_1')
    begins('prt_2')
    ends('prt_1', 'right')
    expect(subject.answer).toBe('')
    finished()
    expect(sent).toEqual(['ri', 'ght'])
    expect(subject.answer).toBe('right')
    step('prt_s2')
    expect(subject.answer).toBe('right')
  })

  it('that is announced late leaves a text that is still open to its end', () => {
    const { subject, step, begins, says, ends, finished } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'ri')
    subject.retry('msg_1')
    begins('prt_2')
    finished()
    ends('prt_1', 'right')
    expect(subject.answer).toBe('right')
  })

  it('of a step before the one that finishes stays one', () => {
    const { subject, step, begins, says, ends, finished } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'wrong')
    step('prt_s2')
    begins('prt_2')
    ends('prt_2', 'right')
    finished()
    expect(subject.answer).toBe('right')
  })

  it('leaves a step that finishes in a message without any as it was', () => {
    const { subject, begins, says, finished } = transcript()
    begins('prt_1')
    says('prt_1', 'wrong')
    subject.retry('msg_1')
    finished()
    begins('prt_2')
    expect(subject.answer).toBe('')
  })
})
