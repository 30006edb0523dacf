/**
 * The JSON the API server speaks: Argo CD's shapes, only the fields the dashboard reads.
 * Everything the server may leave out is optional here, so that absence is always handled.
 */

export type SyncCode = "Synced" | "OutOfSync" | "Unknown";
export type HealthCode = "Healthy" | "Suspended" | "Progressing" | "Missing" | "Degraded" | "Unknown";
export type OperationPhase = "Running" | "Terminating" | "Failed" | "Error" | "Succeeded";

export interface Source {
  repoURL?: string;
  path?: string;
  targetRevision?: string;
  chart?: string;
  ref?: string;
  /** What the renderers are told: helm, kustomize, directory, plugin. */
  helm?: unknown;
  kustomize?: unknown;
  directory?: unknown;
  plugin?: unknown;
}

export interface Automated {
  prune?: boolean;
  selfHeal?: boolean;
  allowEmpty?: boolean;
  enabled?: boolean;
}

export interface SyncPolicy {
  automated?: Automated | null;
  syncOptions?: string[];
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string | null;
  deletionTimestamp?: string | null;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion?: string; kind?: string; name?: string; uid?: string; controller?: boolean }[];
}

export interface Health {
  status?: HealthCode;
  message?: string;
  lastTransitionTime?: string | null;
}

export interface ResourceId {
  group?: string;
  kind: string;
  namespace?: string;
  name: string;
}

export interface ResourceStatus extends ResourceId {
  version?: string;
  status?: SyncCode;
  health?: Health | null;
  hook?: boolean;
  requiresPruning?: boolean;
  syncWave?: number;
  requiresDeletionConfirmation?: boolean;
}

export interface ResourceResult extends ResourceId {
  version?: string;
  status?: "Synced" | "SyncFailed" | "Pruned" | "PruneSkipped" | "SyncSkipped" | "";
  message?: string;
  hookType?: string;
  hookPhase?: OperationPhase | "";
  syncPhase?: string;
}

export interface Initiator {
  username?: string;
  automated?: boolean;
}

export interface Operation {
  sync?: {
    revision?: string;
    prune?: boolean;
    dryRun?: boolean;
    resources?: ResourceId[];
    autoHealAttemptsCount?: number;
    source?: Source | null;
  } | null;
  initiatedBy?: Initiator;
  info?: { name?: string; value?: string }[];
  retry?: { limit?: number };
}

export interface OperationState {
  operation?: Operation;
  phase?: OperationPhase;
  message?: string;
  syncResult?: { resources?: ResourceResult[]; revision?: string; revisions?: string[] } | null;
  startedAt?: string | null;
  finishedAt?: string | null;
  retryCount?: number;
}

export interface HistoryEntry {
  id: number;
  revision?: string;
  revisions?: string[];
  deployedAt?: string;
  deployStartedAt?: string | null;
  source?: Source;
  initiatedBy?: Initiator;
}

export interface Condition {
  type: string;
  message?: string;
  lastTransitionTime?: string | null;
}

export interface Application {
  metadata: ObjectMeta;
  spec: {
    project?: string;
    source?: Source | null;
    sources?: Source[];
    destination?: { server?: string; name?: string; namespace?: string };
    syncPolicy?: SyncPolicy | null;
    revisionHistoryLimit?: number;
  };
  status?: {
    resources?: ResourceStatus[];
    sync?: { status?: SyncCode; revision?: string; revisions?: string[] };
    health?: Health;
    history?: HistoryEntry[];
    conditions?: Condition[];
    reconciledAt?: string | null;
    operationState?: OperationState | null;
    sourceType?: string;
    summary?: { images?: string[]; externalURLs?: string[] };
  };
  operation?: Operation | null;
}

export interface List<T> {
  metadata?: { resourceVersion?: string };
  items?: T[] | null;
}

export interface ApplicationEvent {
  type: "ADDED" | "MODIFIED" | "DELETED";
  application: Application;
}

export interface TreeNode extends ResourceId {
  version?: string;
  uid?: string;
  parentRefs?: (ResourceId & { uid?: string })[];
  info?: { name: string; value: string }[];
  networkingInfo?: { externalURLs?: string[] };
  resourceVersion?: string;
  images?: string[];
  health?: Health | null;
  createdAt?: string | null;
}

export interface ApplicationTree {
  nodes?: TreeNode[] | null;
  orphanedNodes?: TreeNode[] | null;
}

/** One managed object; the states are JSON texts, "null" or empty when there is none. */
export interface ResourceDiff extends ResourceId {
  targetState?: string;
  liveState?: string;
  normalizedLiveState?: string;
  predictedLiveState?: string;
  hook?: boolean;
  modified?: boolean;
}

/** What is rendered for an application, and which files were left out on purpose. */
export interface Manifests {
  manifests?: string[] | null;
  revision?: string;
  sourceType?: string;
  skippedFiles?: { path: string; reason?: string }[] | null;
}

export interface RevisionMetadata {
  author?: string;
  date?: string;
  message?: string;
  tags?: string[];
}

export interface KubernetesEvent {
  metadata?: ObjectMeta;
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  source?: { component?: string };
  reportingComponent?: string;
  involvedObject?: { kind?: string; name?: string };
}

export interface ConnectionState {
  status?: "Successful" | "Failed" | "Unknown" | "";
  message?: string;
  attemptedAt?: string | null;
}

export interface Cluster {
  server: string;
  name?: string;
  project?: string;
  serverVersion?: string;
  connectionState?: ConnectionState;
  info?: {
    connectionState?: ConnectionState;
    serverVersion?: string;
    applicationsCount?: number;
    cacheInfo?: { resourcesCount?: number; apisCount?: number; lastCacheSyncTime?: string | null };
  };
}

export interface Project {
  metadata: ObjectMeta;
  spec?: {
    description?: string;
    sourceRepos?: string[];
    destinations?: { server?: string; name?: string; namespace?: string }[];
    clusterResourceWhitelist?: { group?: string; kind?: string }[];
    namespaceResourceBlacklist?: { group?: string; kind?: string }[];
    roles?: { name: string; description?: string; groups?: string[]; policies?: string[] }[];
    syncWindows?: {
      kind?: string;
      schedule?: string;
      duration?: string;
      timeZone?: string;
      applications?: string[];
      manualSync?: boolean;
    }[];
  };
}

export interface Repository {
  repo: string;
  type?: string;
  name?: string;
  project?: string;
  username?: string;
  insecure?: boolean;
  connectionState?: ConnectionState;
}

export interface UserInfo {
  loggedIn?: boolean;
  username?: string;
  iss?: string;
  groups?: string[];
}

export interface SyncRequest {
  revision?: string;
  prune: boolean;
  dryRun: boolean;
  strategy: { hook: { force: boolean } } | { apply: { force: boolean } };
  resources?: ResourceId[];
}
