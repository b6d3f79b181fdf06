import { useId } from 'preact/hooks'

/** Choice of one of a few values. */
export function Segmented<const T extends string>({
  label,
  names,
  values,
  value,
  onChange,
}: {
  label: string
  names: Readonly<Record<T, string>>
  values: readonly T[]
  value: T
  onChange: (value: T) => void
}) {
  const name = useId()
  return (
    <fieldset class="usage-segmented">
      <legend class="usage-segmented-label">{label}</legend>
      <div class="usage-segments">
        {values.map((each) => (
          <label key={each} class="usage-segment">
            <input
              type="radio"
              name={name}
              value={each}
              checked={each === value}
              onChange={() => onChange(each)}
            />
            <span>{names[each]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
