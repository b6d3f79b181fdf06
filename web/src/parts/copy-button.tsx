import { useEffect, useState } from 'preact/hooks'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'

/** Time for which the button says that the text was copied, in ms. */
const saidMs = 1_500

/** Button that copies a text; absent where the browser has no clipboard, as over http on a network. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), saidMs)
    return () => clearTimeout(timer)
  }, [isCopied])
  if (!('clipboard' in navigator)) return null
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    )
  }
  return (
    <Button kind="quiet" size="small" onClick={copy} title={label}>
      <Icon name={isCopied ? 'check' : 'copy'} />
      <span class="visually-hidden">{isCopied ? 'Copied' : label}</span>
    </Button>
  )
}
