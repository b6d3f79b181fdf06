import { MemoryCluster } from '../../../src/cluster/store/memory/memory-store.ts'
import { describeClusterStore } from '../../support/cluster-store.ts'

describeClusterStore('The store in memory', () => {
  const cluster = new MemoryCluster()
  return () => Promise.resolve(cluster.connect())
})
