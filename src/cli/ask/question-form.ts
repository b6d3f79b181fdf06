import type { QuestionRequest, RequestAnswer } from '../../replies.ts'
import { askUntilValid, type Form } from './form.ts'
import { visibleLine } from './visible.ts'

type Question = QuestionRequest['questions'][number]

/** Line that dismisses the questions. */
const dismissal = '/reject'

/** Asks a person the questions of a request. @throws NoLineError as `form.ask` does. */
export async function askQuestions(request: QuestionRequest, form: Form): Promise<RequestAnswer> {
  const answers: string[][] = []
  for (const question of request.questions) {
    const answer = await askQuestion(question, request.child, form)
    if (answer === 'reject') return answer
    answers.push(answer)
  }
  return answers
}

function askQuestion(question: Question, isChild: boolean, form: Form): Promise<string[] | 'reject'> {
  form.show(`${isChild ? 'A subagent' : 'The agent'} asks: ${visibleLine(question.question)}`)
  for (const [i, { label, description }] of question.options.entries()) {
    const more = description === '' || description === label ? '' : ` (${visibleLine(description)})`
    form.show(`  ${i + 1}: ${visibleLine(label)}${more}`)
  }
  const what = expectedOf(question)
  const hint = `Type ${what}, or ${dismissal} to dismiss.`
  return askUntilValid(form, `${what}, or ${dismissal}: `, hint, (line) =>
    line === dismissal ? 'reject' : choicesIn(line, question),
  )
}

function expectedOf({ options, multiple, custom }: Question): string {
  const own = custom === false ? [] : ['a text of your own']
  if (options.length === 0) return own.join('')
  return [multiple === true ? 'numbers separated by commas' : 'a number', ...own].join(' or ')
}

/**
 * Returns the chosen labels of a line: numbers or labels of options, else the line as an own text; `undefined`
 * if the line is no answer.
 */
function choicesIn(line: string, { options, multiple, custom }: Question): string[] | undefined {
  if (line === '') return undefined
  // The form asks for numbers, so that a number of the list comes before a label that is a number.
  const named = (text: string): string | undefined =>
    (options.find((_, i) => text === String(i + 1)) ?? options.find(({ label }) => text === label))?.label
  const words = multiple === true ? line.split(',').map((word) => word.trim()) : [line]
  const chosen = words.map(named)
  if (chosen.every((label) => label !== undefined)) return [...new Set(chosen)]
  return custom === false ? undefined : [line]
}
