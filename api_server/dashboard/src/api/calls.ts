/** Every question and command of the dashboard, one function each. */

import { request } from "./http";
import type {
  Application,
  Cluster,
  KubernetesEvent,
  List,
  Manifests,
  Project,
  Repository,
  ResourceDiff,
  ResourceId,
  RevisionMetadata,
  SyncRequest,
  UserInfo,
} from "./types";

/** An application's address: its name and the namespace its resource lives in. */
export interface AppRef {
  name: string;
  namespace?: string | undefined;
}

const path = (app: AppRef, rest = ""): string => `/api/v1/applications/${encodeURIComponent(app.name)}${rest}`;
const inNamespace = (app: AppRef) => ({ appNamespace: app.namespace });

// Session
export const login = (username: string, password: string) =>
  request<{ token?: string }>("/api/v1/session", { method: "POST", body: { username, password } });
export const logout = () => request<unknown>("/api/v1/session", { method: "DELETE" });
export const userInfo = () => request<UserInfo>("/api/v1/session/userinfo");
export const version = () => request<{ Version?: string }>("/api/version");
export interface Question {
  readonly resource: string;
  readonly action: string;
  readonly object: string;
}
/** Yes or no to each, in their order. */
export const mayI = (questions: readonly Question[]) =>
  request<{ values?: ("yes" | "no")[] }>("/api/v1/account/can-i", { method: "POST", body: { questions } }).then(
    ({ values }) => values ?? [],
  );

// Reading
/** What a row of the list shows; keeps a list of thousands small on the wire. */
const ROW_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "metadata.resourceVersion",
  "metadata.deletionTimestamp",
  "spec.project",
  "spec.destination",
  ...["source", "sources"].flatMap((source) =>
    ["repoURL", "path", "chart", "targetRevision"].map((field) => `spec.${source}.${field}`),
  ),
  "spec.syncPolicy.automated",
  "operation.initiatedBy",
  "status.sync.status",
  "status.sync.revision",
  "status.sync.revisions",
  "status.health",
  "status.conditions",
  "status.history.id",
  "status.history.revision",
  "status.history.revisions",
  "status.operationState.phase",
  "status.operationState.message",
  "status.operationState.startedAt",
  "status.operationState.finishedAt",
  "status.operationState.retryCount",
  "status.operationState.operation.sync.dryRun",
  "status.operationState.operation.sync.revision",
  "status.operationState.operation.info",
  "status.operationState.syncResult.revision",
];

export const rowFields = (prefix: string): string => ROW_FIELDS.map((field) => `${prefix}.${field}`).join(",");

export const applications = (signal?: AbortSignal) =>
  request<List<Application>>("/api/v1/applications", {
    query: { fields: `metadata.resourceVersion,${rowFields("items")}` },
    ...(signal ? { signal } : {}),
  });
/** One object's states; a whole application's are megabytes. Nothing, if it is none of the application's. */
export const managedResource = (app: AppRef, of: ResourceId & { version?: string }, signal?: AbortSignal) =>
  request<{ items?: ResourceDiff[] | null }>(path(app, "/managed-resources"), {
    query: {
      ...inNamespace(app),
      group: of.group,
      version: of.version,
      kind: of.kind,
      namespace: of.namespace,
      name: of.name,
    },
    ...(signal ? { signal } : {}),
    // An empty parameter matches everything, so another group's object of the same kind and name may come along.
  }).then(({ items }) => (items ?? []).find((one) => (one.group ?? "") === (of.group ?? "")));
export const liveManifest = (app: AppRef, of: ResourceId & { version?: string }) =>
  request<{ manifest?: string }>(path(app, "/resource"), {
    query: {
      ...inNamespace(app),
      group: of.group ?? "",
      version: of.version,
      kind: of.kind,
      namespace: of.namespace,
      resourceName: of.name,
    },
  });
export const events = (app: AppRef, of?: ResourceId & { uid?: string }) =>
  request<List<KubernetesEvent>>(path(app, "/events"), {
    query: {
      ...inNamespace(app),
      resourceNamespace: of?.namespace,
      resourceName: of?.name,
      resourceUID: of?.uid,
      resourceKind: of?.kind,
      resourceGroup: of?.group,
    },
  });
export const manifests = (app: AppRef, signal?: AbortSignal) =>
  request<Manifests>(path(app, "/manifests"), { query: inNamespace(app), ...(signal ? { signal } : {}) });
export const revisionMetadata = (app: AppRef, revision: string) =>
  request<RevisionMetadata>(path(app, `/revisions/${encodeURIComponent(revision)}/metadata`), {
    query: inNamespace(app),
  });
export const clusters = () => request<List<Cluster>>("/api/v1/clusters");
export const projects = () => request<List<Project>>("/api/v1/projects");
export const repositories = () => request<List<Repository>>("/api/v1/repositories");

// Commands: the answer only says "accepted"; what comes of it arrives through the streams.
export const sync = (app: AppRef, asked: SyncRequest) =>
  request<Application>(path(app, "/sync"), {
    method: "POST",
    body: { name: app.name, ...inNamespace(app), ...asked },
  });
export const refresh = (app: AppRef, depth: "normal" | "hard") =>
  request<Application>(path(app), { query: { ...inNamespace(app), refresh: depth } });
export const rollback = (app: AppRef, id: number, prune: boolean) =>
  request<Application>(path(app, "/rollback"), {
    method: "POST",
    body: { name: app.name, ...inNamespace(app), id, prune, dryRun: false },
  });
export const terminate = (app: AppRef) =>
  request<unknown>(path(app, "/operation"), { method: "DELETE", query: inNamespace(app) });
export const removeApplication = (app: AppRef, cascade: boolean) =>
  request<unknown>(path(app), {
    method: "DELETE",
    query: { ...inNamespace(app), cascade, ...(cascade ? { propagationPolicy: "foreground" } : {}) },
  });
