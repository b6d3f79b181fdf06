/** Fault of a webhook: it cannot be reached, or its answer cannot be used. The message is for the model and the log. */
export class WebhookFault extends Error {
  override readonly name = 'WebhookFault'
}
