/** Several hosts that share the agents of one fleet. */
export { joinCluster } from './join-cluster.ts'
export type { ClusterHost, DrainOptions } from './cluster-host.ts'
export { connectCluster } from './client/connect-cluster.ts'
export type { Cluster } from './client/cluster.ts'
export type { ConnectOptions } from './client/connect-cluster.ts'
export type { ClusterStatus } from './cluster-status.ts'
export type { JoinOptions } from './options.ts'
export { ClusterStoreError, type ClusterStoreFault } from './store/cluster-store.ts'
