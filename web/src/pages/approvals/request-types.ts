import type { PendingRequest } from '../../api/types.ts'

/** Request for a permission. */
export type PermissionRequest = Extract<PendingRequest['request'], { type: 'permission' }>

/** Request with questions. */
export type QuestionRequest = Extract<PendingRequest['request'], { type: 'question' }>
