import { useTitle } from '../../app/title.ts'
import { PageHead } from '../../parts/layout.tsx'

export function TurnPage({ id }: { id: string }) {
  useTitle(id)
  return <PageHead title={id} />
}
