import './meter.css'

interface MeterProps {
  label: string
  value: number
  max: number
  /** Share from which the value is a warning. */
  high?: number
}

/** Bar of a value against its limit. */
export function Meter({ label, value, max, high = 0.9 }: MeterProps) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
  return (
    <div
      class={`meter-track${share >= high ? ' meter-high' : ''}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
    >
      <div class="meter-bar" style={{ width: `${share * 100}%` }} />
    </div>
  )
}
