import { useTitle } from '../../app/title.ts'
import { PageHead } from '../../parts/layout.tsx'

export function ApprovalsPage() {
  useTitle('Approvals')
  return <PageHead title="Approvals" />
}
