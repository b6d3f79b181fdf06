import type { ServerResponse } from 'node:http';
import type * as Aimock from '@copilotkit/aimock';
import type { ModelRequestBody } from './model-request.ts';
import type {
  ErrorReply,
  HangReply,
  ScriptedReply,
  ScriptedToolCall,
  ScriptedUsage,
  StreamReply,
} from './model-script.ts';

/** aimock cuts a text by length; a piece longer than any text keeps each scripted chunk whole. */
const WHOLE = Number.MAX_SAFE_INTEGER;

/** Between the last chunk and the cut. */
const CUT_PAUSE_MS = 100;

/** Gives one reply; settles when it is sent, cut or left hanging. Never rejects because the client went away. */
export async function sendReply(
  aimock: typeof Aimock,
  response: ServerResponse,
  body: ModelRequestBody,
  reply: ScriptedReply,
): Promise<void> {
  if ('error' in reply) sendError(response, reply);
  else if ('hang' in reply) hang(response, reply);
  else if (body.stream === true) await stream(aimock, response, body, reply);
  else sendCompletion(aimock, response, body, reply);
}

/** aimock's own writer cannot: it sets only `Retry-After`, in whole seconds, and adds it to every 429. */
function sendError(response: ServerResponse, { error }: ErrorReply): void {
  const { status, message, type = status < 500 ? 'invalid_request_error' : 'server_error', code = null } = error;
  response.writeHead(status, { 'content-type': 'application/json', ...error.headers });
  response.end(JSON.stringify({ error: { message, type, param: null, code } }));
}

function hang(response: ServerResponse, reply: HangReply): void {
  if (reply.hang === 'headers') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
}

async function stream(
  aimock: typeof Aimock,
  response: ServerResponse,
  body: ModelRequestBody,
  reply: StreamReply,
): Promise<void> {
  const { chunks, roleAt } = chunksOf(aimock, body.model, reply);
  const cut = new AbortController();
  let left = cutIndex(reply, chunks.length, roleAt);
  const countDown = () => {
    if (left === 0) cut.abort();
    left -= 1;
  };
  countDown();
  response.once('close', () => {
    cut.abort();
  });
  const finished = await aimock.writeSSEStream(response, chunks, {
    recordedTimings: timings(reply, chunks.length, roleAt),
    signal: cut.signal,
    onChunkSent: countDown,
    ...(body.stream_options?.include_usage === true && usageChunk(chunks, reply.usage)),
  });
  if (!finished) await closeSoon(aimock, response);
}

/**
 * Closes in mid-stream. aimock's own truncation destroys the response while Node still holds the chunks back, so none
 * arrives; and a client that reads the last chunks and the end of the connection at once (Bun 1.3) reports only the end.
 */
async function closeSoon(aimock: typeof Aimock, response: ServerResponse): Promise<void> {
  await aimock.delay(CUT_PAUSE_MS);
  response.socket?.destroySoon();
}

/** Builds reasoning chunks, the role chunk (at `roleAt`), text and tool chunks, and the finish chunk. */
function chunksOf(
  aimock: typeof Aimock,
  model: string,
  reply: StreamReply,
): { chunks: Aimock.SSEChunk[]; roleAt: number } {
  const shared = overrides(aimock, reply);
  const thoughts = pieces(reply.reasoning).flatMap((thought) =>
    aimock.buildTextChunks('', model, WHOLE, thought, shared).slice(0, 1),
  );
  const blocks: Aimock.FixtureBlock[] = [
    ...pieces(reply.text).map((text) => ({ type: 'text' as const, text })),
    ...(reply.toolCalls ?? []).map((call) => ({ type: 'toolCall' as const, ...wireCall(call) })),
  ];
  const rest = aimock.buildContentWithToolCallsChunks('', [], model, WHOLE, undefined, shared, blocks);
  return { chunks: [...thoughts, ...rest], roleAt: thoughts.length };
}

/** For a request without `stream`: the same answer in one JSON body, without delays or cut. */
function sendCompletion(
  aimock: typeof Aimock,
  response: ServerResponse,
  body: ModelRequestBody,
  reply: StreamReply,
): void {
  const calls = (reply.toolCalls ?? []).map(wireCall);
  const [text, reasoning] = [pieces(reply.text).join(''), pieces(reply.reasoning).join('')];
  const shared = { ...overrides(aimock, reply), usage: wireUsage(reply.usage) };
  const build = aimock.buildContentWithToolCallsCompletion;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(build(text, calls, body.model, reasoning, shared)));
}

function overrides(aimock: typeof Aimock, { finishReason, toolCalls = [] }: StreamReply): Aimock.ResponseOverrides {
  return { id: aimock.generateId(), finishReason: finishReason ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop') };
}

function pieces(text: string | readonly string[] = []): string[] {
  return [text].flat().filter((piece) => piece !== '');
}

/** The arguments travel as JSON text. */
function wireCall({ name, args, id }: ScriptedToolCall): Aimock.ToolCall {
  return { name, arguments: JSON.stringify(args), ...(id !== undefined && { id }) };
}

/** After how many written chunks to cut: the role chunk does not count, the finish chunk is never sent. */
function cutIndex({ cutAfter }: StreamReply, total: number, roleAt: number): number {
  if (cutAfter === undefined) return Infinity;
  return Math.min(cutAfter > roleAt ? cutAfter + 1 : cutAfter, total - 1);
}

/** Pauses only between scripted chunks: the first one's goes before all, the role and finish chunks add none. */
function timings(
  reply: StreamReply,
  total: number,
  roleAt: number,
): NonNullable<Aimock.StreamOptions['recordedTimings']> {
  const { firstChunkDelayMs: ttftMs = 0, chunkDelayMs = 0 } = reply;
  const pauses = Array.from({ length: total - 1 }, (_, i) => (i === roleAt || i === total - 2 ? 0 : chunkDelayMs));
  return { ttftMs, interChunkDelaysMs: pauses, totalDurationMs: 0 };
}

/** The chunk after the finish, which aimock sends only when it is handed one. */
function usageChunk(
  chunks: readonly Aimock.SSEChunk[],
  usage?: ScriptedUsage,
): Pick<Aimock.StreamOptions, 'usageChunk'> {
  const last = chunks.at(-1);
  return last ? { usageChunk: { ...last, choices: [], usage: wireUsage(usage) } } : {};
}

function wireUsage({ inputTokens = 10, outputTokens = 5, cachedTokens, reasoningTokens }: ScriptedUsage = {}) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
