import { base64Of, mimeOf, refusalOf, type ReadyFile } from './attachments.ts'

/** Files that can be sent, and the reasons why others cannot. */
export interface ReadFiles {
  files: readonly ReadyFile[]
  problems: readonly string[]
}

/** Reads chosen files, and adds those that may be sent to the files before. A file above the limit is not read. */
export async function readFiles(
  chosen: Iterable<File>,
  before: readonly ReadyFile[],
  mostBytes: number,
): Promise<ReadFiles> {
  const files = [...before]
  const problems: string[] = []
  for (const file of chosen) {
    const read = await readyFile(file, files, mostBytes)
    if (typeof read === 'string') problems.push(read)
    else files.push(read)
  }
  return { files, problems }
}

async function readyFile(
  file: File,
  others: readonly ReadyFile[],
  mostBytes: number,
): Promise<ReadyFile | string> {
  const filename = freeName(file.name, others)
  const tooLarge = refusalOf({ filename, mime: 'text/plain', size: file.size }, others, mostBytes)
  if (tooLarge !== undefined) return tooLarge
  try {
    const content = new Uint8Array(await file.arrayBuffer())
    const mime = mimeOf(file.type, content)
    const refusal = refusalOf({ filename, mime, size: content.length }, others, mostBytes)
    return refusal ?? { filename, mime, data: base64Of(content), size: content.length }
  } catch {
    return `${filename} could not be read. A folder cannot be sent.`
  }
}

/** Returns a name that no other file has. */
function freeName(name: string, others: readonly ReadyFile[]): string {
  const isTaken = (name: string) => others.some(({ filename }) => filename === name)
  if (!isTaken(name)) return name
  const [, stem = '', ending = ''] = /^(.+?)(\.[^.]*)?$/.exec(name) ?? []
  let number = 2
  while (isTaken(`${stem}-${number}${ending}`)) number++
  return `${stem}-${number}${ending}`
}
