import { isTerminal, type Reply } from '../../src/replies.ts'
import type { FakeRule } from '../../src/testing/fake-script.ts'
import { startTurn, type Turn } from '../../src/api/turn.ts'
import type { ServerActorRef } from '../../src/machines/server-machine.ts'

const prompt = 'ask me'
const question = {
  question: 'Go on?',
  header: 'go on',
  options: ['yes', 'no'].map((label) => ({ label, description: label })),
}

/** Script of a model that asks a question, so that the turn runs until the question is answered. */
export const askingScript: readonly FakeRule[] = [
  {
    match: prompt,
    reply: [{ toolCalls: [{ name: 'question', args: { questions: [question] } }] }, { text: 'done' }],
  },
]

/** Turn that asks a question and waits for the answer. */
export class AskingTurn {
  readonly turn: Turn
  readonly replies: Reply[] = []
  #answer: (() => void) | undefined

  constructor(actor: ServerActorRef) {
    const onQuestion = () =>
      new Promise<string[][]>((resolve) => {
        this.#answer = () => resolve([['yes']])
      })
    this.turn = startTurn(actor, { text: prompt, onQuestion })
    this.turn.replies$.subscribe((reply) => this.replies.push(reply))
  }

  get isOpen(): boolean {
    return !this.replies.some(isTerminal)
  }

  /** True while the question is not answered. */
  get isAsking(): boolean {
    return this.#answer !== undefined
  }

  answer(): void {
    this.#answer?.()
    this.#answer = undefined
  }
}
