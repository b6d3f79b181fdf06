import { PlainText } from '../../parts/text/plain-text.tsx'
import { textNodes } from '../../parts/text/inline-text.tsx'
import { choose, takesSeveral, takesText, write, type Drafts, type Question } from './question-form.ts'

/** One question: its choices, one or several, and a field for an own text. */
export function QuestionField({
  name,
  index,
  question,
  drafts,
  isDisabled,
  onChange,
}: {
  /** Name of the group of choices, unique on the page. */
  name: string
  index: number
  question: Question
  drafts: Drafts
  isDisabled: boolean
  onChange: (drafts: Drafts) => void
}) {
  const { chosen, own } = drafts[index] ?? { chosen: [], own: '' }
  const several = takesSeveral(question)
  return (
    <div class="approvals-question" role="group" aria-labelledby={`${name}-head`}>
      <div class="approvals-question-head" id={`${name}-head`}>
        {question.header !== '' && <span class="approvals-question-short">{textNodes(question.header)}</span>}
        <PlainText text={question.question} label="Question" isWhole />
      </div>
      {several && <p class="approvals-scope">Several answers may be chosen.</p>}
      {question.options.map(({ label, description }, option) => (
        <label key={option} class="approvals-option">
          <input
            type={several ? 'checkbox' : 'radio'}
            name={name}
            checked={chosen.includes(option)}
            disabled={isDisabled}
            onChange={() => onChange(choose(drafts, index, option, question))}
          />
          <span class="approvals-option-text">
            <span class="approvals-option-label">{textNodes(label)}</span>
            {description !== '' && description !== label && (
              <span class="approvals-option-description">{textNodes(description)}</span>
            )}
          </span>
        </label>
      ))}
      {takesText(question) && (
        <label class="approvals-message">
          <span class="approvals-message-label">
            {question.options.length > 0 ? 'Or another answer' : 'Your answer'}
          </span>
          <input
            class="input"
            type="text"
            value={own}
            disabled={isDisabled}
            autocomplete="off"
            onInput={(event) => onChange(write(drafts, index, event.currentTarget.value, question))}
          />
        </label>
      )}
    </div>
  )
}
