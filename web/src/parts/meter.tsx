import './meter.css'

interface MeterProps {
  label: string
  value: number
  max: number
  /** The value in words; shown beside the bar. */
  text?: string
  /** Share from which the value is a warning. */
  high?: number
}

/** Bar of a value against its limit. */
export function Meter({ label, value, max, text, high = 0.9 }: MeterProps) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
  return (
    <div class="meter">
      <div
        class={`meter-track${share >= high ? ' meter-high' : ''}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={max}
        aria-valuenow={Math.min(value, max)}
        aria-valuetext={text}
      >
        <div class="meter-bar" style={{ width: `${share * 100}%` }} />
      </div>
      {text !== undefined && <span class="meter-text number">{text}</span>}
    </div>
  )
}
