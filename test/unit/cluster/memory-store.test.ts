import { MemoryCluster } from '../../../src/cluster/store/memory/memory-store.ts'
import { describeClusterStore } from '../../support/cluster-store.ts'

describeClusterStore('The store in memory', async () => {
  const cluster = new MemoryCluster()
  return async () => cluster.connect()
})
