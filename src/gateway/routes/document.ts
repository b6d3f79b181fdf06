import { z } from 'zod'
import { packageVersion } from '../../own-package.ts'
import { lazily } from '../../config/validation.ts'
import { scopes } from '../access/caller.ts'
import { json } from '../http/answers.ts'
import { openApiDocument } from '../http/openapi.ts'
import { route } from '../http/route.ts'
import type { PartMaker } from '../part.ts'
import { named } from '../schemas/named.ts'

const documentSchema = named('Document', () => z.record(z.string(), z.unknown()))

/** Route of the OpenAPI document. */
export const documentPart: PartMaker = (_context, all) => {
  const document = lazily(() =>
    openApiDocument(
      all().flatMap(({ routes }) => routes.filter(({ isHidden }) => isHidden !== true)),
      packageVersion() ?? 'unknown',
    ),
  )
  const readDocument = route({
    id: 'readOpenApi',
    method: 'get',
    path: '/v1/openapi.json',
    tag: 'Document',
    summary: 'Reads the OpenAPI 3.1 document of the gateway',
    scopes,
    answers: { 200: { description: 'The document', schema: documentSchema } },
    handle: () => json(200, document()),
  })
  return { routes: [readDocument] }
}
