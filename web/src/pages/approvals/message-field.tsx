/** Longest reason of a rejection, in characters. */
const longest = 2_000

/** Field for the reason of a rejection. */
export const MessageField = ({ value, onChange }: { value: string; onChange: (value: string) => void }) => (
  <label class="approvals-message">
    <span class="approvals-message-label">Reason for Reject, told to the agent (optional)</span>
    <input
      class="input"
      type="text"
      value={value}
      maxLength={longest}
      autocomplete="off"
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  </label>
)
