import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Attachment } from '../api/attachments.ts'
import { UsageError } from './exit-codes.ts'

/**
 * Returns the given prompt, or reads the prompt from stdin if it is `-` or missing.
 * @throws UsageError if there is no prompt.
 */
export async function readPrompt(
  given: string | undefined,
  stdin: NodeJS.ReadableStream & { isTTY?: boolean },
): Promise<string> {
  const isFromStdin = given === undefined || given === '-'
  if (given === undefined && stdin.isTTY === true)
    throw new UsageError('no prompt: give it as an argument or on stdin')
  const prompt = isFromStdin ? (await text(stdin)).trimEnd() : given
  if (prompt.trim() !== '') return prompt
  throw new UsageError(isFromStdin ? 'no prompt: stdin was empty' : 'no prompt: the argument is empty')
}

const mimes: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
  '.mp3': 'audio/mpeg',
  '.wav': 'audio/wav',
  '.mp4': 'video/mp4',
}

/** Reads the files that are attached to a prompt. @throws UsageError if a file cannot be read. */
export function readAttachments(files: readonly string[]): Promise<Attachment[]> {
  return Promise.all(files.map(readAttachment))
}

async function readAttachment(file: string): Promise<Attachment> {
  try {
    const data = await readFile(file)
    return { mime: mimes[extname(file).toLowerCase()] ?? sniff(data), data, filename: basename(file) }
  } catch (error) {
    throw new UsageError(
      `cannot read the attachment ${file}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`,
    )
  }
}

/** Returns the MIME type of data with an unknown extension: text if the data is UTF-8 without a NUL. */
function sniff(data: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data).includes('\0')
      ? 'application/octet-stream'
      : 'text/plain'
  } catch {
    return 'application/octet-stream'
  }
}
