import type { VNode } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { api, ApiError } from '../../api/client.ts'
import type { Agent, Turn } from '../../api/types.ts'
import { Button } from '../button.tsx'
import { InlineText } from '../text/inline-text.tsx'
import { mostBytesOf, sizeWords, type ReadyFile } from './attachments.ts'
import { readFiles } from './read-files.ts'
import './ask-box.css'

/** Properties of {@link AskBox}. */
export interface AskBoxProps {
  agent: Agent
  /** Session that goes on; a new one if absent. */
  sessionId?: string | undefined
  /** Sentence about when the turn will run. */
  hint?: string | undefined
  /** Called with the turn that was started. */
  onAsked: (turn: Turn) => void
}

/** Box to ask an agent something, with files. */
export function AskBox({ agent, sessionId, hint, onAsked }: AskBoxProps): VNode {
  const [text, setText] = useState('')
  const [files, setFiles] = useState<readonly ReadyFile[]>([])
  const [problems, setProblems] = useState<readonly string[]>([])
  const [isBusy, setBusy] = useState(false)
  const mostBytes = mostBytesOf(agent)
  const add = async (chosen: Iterable<File>) => {
    const read = await readFiles(chosen, files, mostBytes)
    setFiles(read.files)
    setProblems(read.problems)
  }
  const send = async () => {
    if (text.trim() === '' || isBusy) return
    setBusy(true)
    setProblems([])
    try {
      const turn = await api.startTurn(agent.id, bodyOf(agent, text, files, sessionId))
      onAsked(turn)
      setText('')
      setFiles([])
    } catch (error) {
      setProblems([error instanceof ApiError ? error.message : 'The question could not be sent. Try again.'])
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      class="ask-box"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <Prompt agent={agent} text={text} onText={setText} onSend={() => void send()} />
      <Files files={files} onRemove={(file) => setFiles(files.filter((other) => other !== file))} />
      <Problems problems={problems} />
      <div class="ask-box-bar">
        <FileButton onFiles={(list) => void add(list)} />
        <p class="ask-box-hint">{hint ?? `Files up to ${sizeWords(mostBytes)}`}</p>
        <Button kind="primary" type="submit" busy={isBusy} disabled={text.trim() === ''}>
          Ask
        </Button>
      </div>
    </form>
  )
}

/** A person who asks in the view can answer the agent's requests there, unless the agent has its own rule. */
function bodyOf(agent: Agent, text: string, files: readonly ReadyFile[], sessionId: string | undefined) {
  return {
    text,
    ...(sessionId !== undefined && { session_id: sessionId }),
    ...(files.length > 0 && {
      attachments: files.map(({ mime, data, filename }) => ({ mime, data, filename })),
    }),
    ...(!('on_permission' in agent) && { on_permission: 'ask' as const }),
    ...(!('on_question' in agent) && { on_question: 'ask' as const }),
  }
}

function Prompt({
  agent,
  text,
  onText,
  onSend,
}: {
  agent: Agent
  text: string
  onText: (text: string) => void
  onSend: () => void
}): VNode {
  return (
    <textarea
      aria-label={`Ask ${agent.id}`}
      aria-keyshortcuts="Control+Enter Meta+Enter"
      placeholder={`Ask ${agent.id} …`}
      rows={1}
      value={text}
      onInput={({ currentTarget }) => onText(currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSend()
      }}
    />
  )
}

function FileButton({ onFiles }: { onFiles: (files: Iterable<File>) => void }): VNode {
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  return (
    <>
      <input
        ref={input}
        id={id}
        class="ask-box-input"
        type="file"
        multiple
        aria-label="Files"
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])])
          currentTarget.value = ''
        }}
      />
      <label class="ask-box-add" for={id}>
        Add files
      </label>
    </>
  )
}

function Files({
  files,
  onRemove,
}: {
  files: readonly ReadyFile[]
  onRemove: (file: ReadyFile) => void
}): VNode | null {
  if (files.length === 0) return null
  return (
    <ul class="ask-box-files" aria-label="Files that are sent">
      {files.map((file) => (
        <li key={file.filename}>
          <InlineText text={file.filename} max={80} /> <span>{sizeWords(file.size)}</span>
          <button type="button" aria-label={`Remove ${file.filename}`} onClick={() => onRemove(file)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  )
}

function Problems({ problems }: { problems: readonly string[] }): VNode {
  return (
    <div role="alert" class="ask-box-problems">
      {problems.map((problem) => (
        <p key={problem}>
          <InlineText text={problem} max={500} />
        </p>
      ))}
    </div>
  )
}
