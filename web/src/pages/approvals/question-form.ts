import type { QuestionRequest } from './request-types.ts'

/** Question of a request. */
export type Question = QuestionRequest['questions'][number]

/** Answer to one question while a person fills it in. */
export interface Draft {
  /** Places of the chosen options. */
  chosen: readonly number[]
  /** Text of the person. */
  own: string
}

/** Answers to the questions of a request while a person fills them in. */
export type Drafts = readonly Draft[]

/** Returns the empty answers to some questions. */
export const emptyDrafts = (questions: readonly Question[]): Drafts =>
  questions.map(() => ({ chosen: [], own: '' }))

/** Returns whether a question takes several options. */
export const takesSeveral = ({ multiple }: Question): boolean => multiple === true

/** Returns whether a question takes a text of the person. */
export const takesText = ({ custom }: Question): boolean => custom !== false

/** Returns the drafts after a click on an option: a second click takes it back where several are allowed. */
export function choose(drafts: Drafts, index: number, option: number, question: Question): Drafts {
  return change(drafts, index, ({ chosen, own }) => {
    if (!takesSeveral(question)) return { chosen: [option], own: '' }
    const others = chosen.filter((each) => each !== option)
    return { chosen: others.length < chosen.length ? others : [...chosen, option], own }
  })
}

/** Returns the drafts with a text of the person, which replaces a chosen option where only one answer is allowed. */
export function write(drafts: Drafts, index: number, own: string, question: Question): Drafts {
  return change(drafts, index, ({ chosen }) => ({
    chosen: takesSeveral(question) || own.trim() === '' ? chosen : [],
    own,
  }))
}

const change = (drafts: Drafts, index: number, edit: (draft: Draft) => Draft): Drafts =>
  drafts.map((draft, i) => (i === index ? edit(draft) : draft))

/** Returns the answers as the gateway takes them: a list of labels and own texts for each question. */
export function answersOf(drafts: Drafts, questions: readonly Question[]): string[][] {
  return questions.map(({ options }, i) => {
    const { chosen, own } = drafts[i] ?? { chosen: [], own: '' }
    const labels = options.filter((_, option) => chosen.includes(option)).map(({ label }) => label)
    return own.trim() === '' ? labels : [...labels, own.trim()]
  })
}

/** Returns the number of questions that have an answer. */
export const answeredCount = (drafts: Drafts, questions: readonly Question[]): number =>
  answersOf(drafts, questions).filter((answers) => answers.length > 0).length
