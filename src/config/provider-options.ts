/** Kind of input or output of a model. */
export type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf'

/** Model behind the proxy; a plain id stands for `{ id }`. */
export interface ModelOptions {
  /** Id of the model at the proxy. */
  id: string
  /**
   * Name of the model in opencode.
   *
   * @defaultValue `id`
   */
  name?: string | undefined
  /**
   * Kinds of input that the model takes.
   *
   * @defaultValue `['text']`
   * @remarks Without `image`, opencode drops images without an error.
   */
  input?: Modality[] | undefined
  /**
   * Size of the context window, in tokens.
   *
   * @remarks Observed in opencode: its prompt and tools take some 8 700 tokens, which must fit into
   * `contextTokens` minus `outputTokens`.
   */
  contextTokens?: number | undefined
  /**
   * Longest answer, in tokens.
   *
   * @defaultValue 8192, and at most a quarter of `contextTokens`; opencode's own value without both
   */
  outputTokens?: number | undefined
  /** Prices, in US dollars per million tokens. */
  cost?:
    | { input: number; output: number; cacheRead?: number | undefined; cacheWrite?: number | undefined }
    | undefined
  /** Options that are passed to the provider unchanged. */
  options?: Record<string, unknown> | undefined
}

/** OpenAI-compatible endpoint, LiteLLM or any other, and the agent's own key for that endpoint. */
export interface ProxyOptions {
  /**
   * URL of the endpoint, up to and including `/v1`, without a query. For an endpoint that needs parameters of
   * a query (`api-version`), set `provider.<providerId>.options.queryParams` in the option `config`.
   */
  baseURL: string
  /**
   * Key of the endpoint, taken literally. Create a separate, scoped key for the agent: the agent's shell can
   * read the key.
   */
  apiKey: string
  /**
   * Id of the provider in opencode's config.
   *
   * @defaultValue `litellm`
   */
  providerId?: string
  /** @deprecated Until 1.0: use `providerId`. */
  providerID?: string
  /**
   * Name of the provider in opencode's config.
   *
   * @defaultValue `LiteLLM`
   */
  name?: string
}
