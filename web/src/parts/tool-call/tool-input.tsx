import type { VNode } from 'preact'
import { useMemo } from 'preact/hooks'
import { Diff, TextDiff } from '../diff/diff.tsx'
import { InlineText } from '../text/inline-text.tsx'
import { PlainText } from '../text/plain-text.tsx'
import { otherFields, shownInput, type ShownInput } from './shown-input.ts'
import './tool-call.css'

/** Properties of {@link ToolInput}. */
export interface ToolInputProps {
  args: Readonly<Record<string, unknown>>
}

/** Shows the input of a tool: a command, an edit as a diff, a written file, tasks, or the fields by their names. */
export function ToolInput({ args }: ToolInputProps): VNode {
  const input = useMemo(() => shownInput(args), [args])
  const others = useMemo(() => otherFields(args, input), [args, input])
  return (
    <div class="tool-input">
      <Main input={input} />
      {others.length > 0 && (
        <dl class="tool-fields">
          {others.map(([name, value]) => (
            <div key={name}>
              <dt>
                <InlineText text={name} max={100} />
              </dt>
              <dd>
                <Value name={name} value={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}

/** Shows a short value in its line, and a long one in a block. */
function Value({ name, value }: { name: string; value: string }): VNode {
  const isShort = value.length <= 200 && !value.includes('\n')
  return isShort ? <InlineText text={value} /> : <PlainText text={value} label={name} lines={20} />
}

function Main({ input }: { input: ShownInput }): VNode | null {
  switch (input.kind) {
    case 'command':
      return (
        <>
          {input.note !== undefined && (
            <p class="tool-note">
              <InlineText text={input.note} />
            </p>
          )}
          <PlainText text={input.command} label="Command" lines={40} />
        </>
      )
    case 'edit':
      return <TextDiff before={input.before} after={input.after} path={input.path} />
    case 'patch':
      return <Diff patch={input.patch} />
    case 'write':
      return (
        <>
          {input.path !== '' && (
            <p class="tool-note">
              <InlineText text={input.path} />
            </p>
          )}
          <PlainText text={input.content} label="Content of the file" lines={40} />
        </>
      )
    case 'fields':
      return null
  }
}
