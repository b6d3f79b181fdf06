import { textNodes } from '../../parts/text/inline-text.tsx'

/** Message of an error; the lines after the first one, such as the last output of a server, are folded. */
export function ErrorText({ message }: { message: string }) {
  const [first = '', ...rest] = message.split('\n')
  return (
    <div class="agent-error">
      <p>{textNodes(first)}</p>
      {rest.length > 0 && (
        <details>
          <summary>More of the message</summary>
          <pre>{textNodes(rest.join('\n'))}</pre>
        </details>
      )}
    </div>
  )
}
