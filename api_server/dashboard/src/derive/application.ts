/** What an Application says about itself, made plain: one small question each. */

import type {
  Application,
  Condition,
  HealthCode,
  HistoryEntry,
  Operation,
  ResourceStatus,
  RevisionMetadata,
  SyncCode,
} from "../api/types";
import { syncsNewCommits } from "./policy";

export const SYNC_CODES: readonly SyncCode[] = ["Synced", "OutOfSync", "Unknown"];
/** From worst to best, the order in which a person wants to see them. */
export const HEALTH_CODES: readonly HealthCode[] = [
  "Degraded",
  "Missing",
  "Progressing",
  "Suspended",
  "Unknown",
  "Healthy",
];

export const syncOf = (app: Application): SyncCode => app.status?.sync?.status || "Unknown";
export const healthOf = (app: Application): HealthCode => app.status?.health?.status || "Unknown";
export const projectOf = (app: Application): string => app.spec.project || "default";

export function keyOf(app: Application): string {
  return `${app.metadata.namespace ?? ""}/${app.metadata.name}`;
}

/** The destination cluster, by name if it has one. */
export function clusterOf(app: Application): string {
  const { name, server } = app.spec.destination ?? {};
  return name || (server ? serverWords(server) : "") || "none";
}

function serverWords(server: string): string {
  return server === "https://kubernetes.default.svc" ? "in-cluster" : server.replace(/^https?:\/\//, "");
}

export const shortRevision = (revision: string | undefined): string =>
  revision && /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 7) : (revision ?? "");

export function comparedRevision(app: Application): string {
  return app.status?.sync?.revision || app.status?.sync?.revisions?.[0] || "";
}

export function newestFirst(history: readonly HistoryEntry[] | undefined): HistoryEntry[] {
  return [...(history ?? [])].sort((a, b) => b.id - a.id);
}

/** The older entry that this one went back to: the same revision, with another in between. */
export function wentBackTo(
  entry: HistoryEntry,
  history: readonly HistoryEntry[] | undefined,
): HistoryEntry | undefined {
  const revision = (one: HistoryEntry) => one.revisions?.join() || one.revision || "";
  const older = newestFirst(history).filter(({ id }) => id < entry.id);
  if (!older[0] || revision(older[0]) === revision(entry)) return undefined;
  return older.find((one) => revision(one) === revision(entry));
}

/** The revision that the last whole sync brought out. */
export function syncedRevision(app: Application): string {
  const last = newestFirst(app.status?.history)[0];
  return last?.revision || last?.revisions?.[0] || "";
}

/** True if the application is OutOfSync with a commit other than the last synced one. */
export function hasNewCommit(app: Application): boolean {
  const synced = syncedRevision(app);
  return syncOf(app) === "OutOfSync" && synced !== "" && comparedRevision(app) !== synced;
}

/** True if that commit stays out until a person syncs. */
export const commitWaits = (app: Application): boolean => hasNewCommit(app) && !syncsNewCommits(app);

export const isError = (condition: Condition): boolean => condition.type.endsWith("Error");
export const errorsOf = (app: Application): Condition[] =>
  (app.status?.conditions ?? []).filter((one) => isError(one) && !(one.type === "SyncError" && isMended(app)));

/** True if the last sync failed at one commit and Git, and with it what runs, has since gone on to another. */
export function isMended(app: Application): boolean {
  const { phase, syncResult, operation } = app.status?.operationState ?? {};
  if ((phase !== "Failed" && phase !== "Error") || app.operation) return false;
  const failed = syncResult?.revision || syncResult?.revisions?.join() || operation?.sync?.revision;
  const compared = app.status?.sync?.revision || app.status?.sync?.revisions?.join();
  return syncOf(app) === "Synced" && Boolean(failed && compared) && failed !== compared && !compareFailed(app);
}

const compareFailed = (app: Application): boolean =>
  (app.status?.conditions ?? []).some(({ type }) => type === "ComparisonError" || type === "UnknownError");

/** Green means green: a verdict beside an error is not to be trusted, however healthy it looks. */
export function verdictDoubtful(app: Application): boolean {
  return errorsOf(app).some(({ type }) => type !== "SyncError" && type !== "DeletionError");
}

export const isDeleting = (app: Application): boolean => Boolean(app.metadata.deletionTimestamp);

/** Live objects that Git no longer has and that nothing has removed. */
export function keptResources(app: Application): ResourceStatus[] {
  return (app.status?.resources ?? []).filter((resource) => resource.requiresPruning);
}

export interface SourceView {
  readonly repoURL: string;
  readonly place: string;
  readonly targetRevision: string;
}

export function sourcesOf(app: Application): SourceView[] {
  const sources = app.spec.sources?.length ? app.spec.sources : [app.spec.source ?? {}];
  return sources.map((source) => ({
    repoURL: source.repoURL ?? "",
    place: source.chart || source.path || ".",
    targetRevision: source.targetRevision || "HEAD",
  }));
}

/** What was synced last and when, whether it succeeded or not. */
export interface LastOperation {
  readonly phase: string;
  readonly at: string | null;
  readonly dryRun: boolean;
  readonly rollback: boolean;
}

export function lastOperation(app: Application): LastOperation | undefined {
  const state = app.status?.operationState;
  if (!state?.phase) return undefined;
  return {
    phase: state.phase,
    at: state.finishedAt ?? state.startedAt ?? null,
    dryRun: Boolean(state.operation?.sync?.dryRun),
    rollback: isRollback(state.operation),
  };
}

/** The server writes down that it was asked to go back; the revision alone would look like any sync. */
export const isRollback = (operation: Operation | null | undefined): boolean =>
  (operation?.info ?? []).some(({ name }) => name === "Rollback");

export const isRunning = (app: Application): boolean =>
  Boolean(app.operation) ||
  app.status?.operationState?.phase === "Running" ||
  app.status?.operationState?.phase === "Terminating";

export const subjectOf = (commit: RevisionMetadata | undefined): string => commit?.message?.split("\n")[0] ?? "";

/** "Ann Lee <ann@example.com>" without the address. */
export const authorName = (author: string): string => author.replace(/\s*<[^>]*>\s*$/, "") || author;

/** The ApplicationSet that makes the application, and makes it again when it is gone. */
export const setOf = (app: Application): string =>
  app.metadata.ownerReferences?.find(({ kind }) => kind === "ApplicationSet")?.name ?? "";

/** Where a person can read a commit, for the Git hosts whose addresses are known; else nothing. */
export function commitUrl(repoURL: string, revision: string): string {
  const host = /^(?:https?:\/\/(?:[^@/]*@)?|git@)(github\.com|gitlab\.com|bitbucket\.org)[/:](.+?)(?:\.git)?\/?$/.exec(
    repoURL,
  );
  if (!host || !/^[0-9a-f]{40}$/.test(revision)) return "";
  const between = { "github.com": "commit", "gitlab.com": "-/commit", "bitbucket.org": "commits" }[host[1] ?? ""];
  return `https://${host[1]}/${host[2]}/${between}/${revision}`;
}
