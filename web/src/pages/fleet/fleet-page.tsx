import { useTitle } from '../../app/title.ts'
import { PageHead } from '../../parts/layout.tsx'

export function FleetPage() {
  useTitle('Agents')
  return <PageHead title="Agents" />
}
