import { describe, expect, it } from 'vitest'
import { Transcript } from '../../../../../src/actors/turn/reducer/transcript.ts'
import type { WirePart } from '../../../../../src/io/opencode/wire.ts'

/** Returns a transcript, its emitted pieces, and functions that apply the server's events of one message. */
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

describe('Transcript, for a text', () => {
  it('emits each delta at once, and the missing rest when the text ends', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'Hel', 'lo')
    ends('prt_1', 'Hello, you')
    expect(sent).toEqual(['Hel', 'lo', ', you'])
    expect(subject.answer).toBe('Hello, you')
  })

  it('emits the text that the part begins with', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1', 'text', { text: 'Well, ' })
    says('prt_1', 'then')
    expect(sent).toEqual(['Well, ', 'then'])
  })

  it('emits only the new end of a part that is reported again', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', 'ab')
    begins('prt_1', 'text', { text: 'abcd' })
    says('prt_1', 'e')
    expect(sent).toEqual(['ab', 'cd', 'e'])
  })

  it('ignores deltas and updates after the end', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    ends('prt_1', 'Hello')
    says('prt_1', ' again')
    ends('prt_1', 'Hello and more')
    expect(sent).toEqual(['Hello'])
    expect(subject.answer).toBe('Hello')
  })

  it('keeps the emitted text if the whole text does not begin with it', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'Hullo')
    ends('prt_1', 'Hello, you')
    expect(sent).toEqual(['Hullo'])
    expect(subject.answer).toBe('Hullo')
  })

  it('emits nothing for an empty delta', () => {
    const { sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', '', 'a', '')
    ends('prt_1', 'a')
    expect(sent).toEqual(['a'])
  })

  it('waits for the whole text if deltas arrived before the part', () => {
    const { sent, begins, says, ends } = transcript()
    says('prt_1', 'lost ')
    begins('prt_1')
    says('prt_1', 'and found')
    expect(sent).toEqual([])
    ends('prt_1', 'lost and found')
    expect(sent).toEqual(['lost and found'])
  })

  it('distinguishes text and reasoning by the type of the part, and answers with text only', () => {
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

describe('Transcript, for a surrogate pair that deltas cut', () => {
  const [first, second] = ['\ud83d', '\ude00'] as [string, string]

  it('emits the pair whole, with its second half', () => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', `a${first}`, `${second}b`)
    expect(sent).toEqual(['a', '😀b'])
  })

  it('emits the pair when the part ends, if the second half comes with the end', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', first)
    expect(sent).toEqual([])
    ends('prt_1', '😀')
    expect(sent).toEqual(['😀'])
    expect(subject.answer).toBe('😀')
  })

  it.each(['\ud800', '\udbff'])('holds back any first half: %j', (half) => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', half, '\udc00')
    expect(sent).toEqual([`${half}\udc00`])
  })

  it.each(['\ud7ff', '\udc00', '\udfff', '\ue000'])('does not hold back any other code unit: %j', (unit) => {
    const { sent, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', unit)
    expect(sent).toEqual([unit])
  })
})

describe('Transcript.awaitWholeTexts', () => {
  it('makes open texts wait for their ends, and does not change ended texts', () => {
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

describe('Transcript.retry', () => {
  it('removes the text of the attempt from the answer when the next attempt begins', () => {
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

  it('removes the text also if the next attempt begins with a part instead of a step', () => {
    const { subject, begins, says } = transcript()
    begins('prt_1')
    says('prt_1', 'wrong')
    subject.retry('msg_1')
    begins('prt_2')
    expect(subject.answer).toBe('')
  })

  it('emits nothing of a removed text that ends late', () => {
    const { subject, sent, begins, says, ends } = transcript()
    begins('prt_1')
    says('prt_1', 'wro')
    subject.retry('msg_1')
    begins('prt_2')
    ends('prt_1', 'wrong')
    expect(sent).toEqual(['wro'])
    expect(subject.answer).toBe('')
  })

  it('does not change texts of other messages', () => {
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

  it('is implied by a step that begins before the previous step finished', () => {
    const { subject, step, begins, says } = transcript()
    step('prt_s1')
    begins('prt_1')
    says('prt_1', 'wrong')
    step('prt_s2')
    expect(subject.answer).toBe('')
  })

  it('is not implied after a finished step, by a repeated step, or by a step of another message', () => {
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

  it('has no effect on a step that then finishes: its whole text counts', () => {
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

  it('has no effect on a finished step whose text ends later', () => {
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

  it('stays in effect for the steps before the finished step', () => {
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

  it('stays in effect if a step finishes in a message without steps', () => {
    const { subject, begins, says, finished } = transcript()
    begins('prt_1')
    says('prt_1', 'wrong')
    subject.retry('msg_1')
    finished()
    begins('prt_2')
    expect(subject.answer).toBe('')
  })
})
