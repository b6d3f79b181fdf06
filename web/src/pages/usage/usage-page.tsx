import { useTitle } from '../../app/title.ts'
import { PageHead } from '../../parts/layout.tsx'

export function UsagePage() {
  useTitle('Usage')
  return <PageHead title="Usage" />
}
