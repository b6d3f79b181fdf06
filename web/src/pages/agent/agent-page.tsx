import { useTitle } from '../../app/title.ts'
import { PageHead } from '../../parts/layout.tsx'

export function AgentPage({ id }: { id: string }) {
  useTitle(id)
  return <PageHead title={id} />
}
