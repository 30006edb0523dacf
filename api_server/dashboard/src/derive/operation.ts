/** A sync in the making or done, as counts, rows and words. */

import type { Application, Operation, OperationPhase, OperationState, ResourceId, ResourceResult } from "../api/types";
import { isMended, isRollback, shortRevision } from "./application";

export type ResultTone = "done" | "failed" | "running" | "waiting" | "skipped";

export interface ResultRow {
  readonly result: ResourceResult;
  readonly tone: ResultTone;
  readonly words: string;
}

export interface OperationView {
  readonly phase: OperationPhase;
  readonly running: boolean;
  readonly title: string;
  readonly by: string;
  readonly message: string;
  readonly revision: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** "attempt 2 of 6", or nothing as long as the first one runs or was enough. */
  readonly attempt: string;
  /** When the next attempt begins. */
  readonly nextAt: string | null;
  /** It failed at a commit that is no longer the one to be at. */
  readonly mended: boolean;
  readonly rows: readonly ResultRow[];
  readonly finished: number;
  readonly failed: number;
  readonly total: number;
}

const ENDINGS: Readonly<Record<OperationPhase, string>> = {
  Running: "runs",
  Terminating: "is being terminated",
  Succeeded: "succeeded",
  Failed: "failed",
  Error: "ended with an error",
};

export function operationView(app: Application): OperationView | undefined {
  const state = app.status?.operationState;
  // A request the controller has not picked up yet counts as a sync that starts.
  if (app.operation && (!state || isOver(state))) return starting(app);
  if (!state?.phase) return undefined;
  const rows = (state.syncResult?.resources ?? []).map(resultRow).sort(byUrgency);
  const sync = state.operation?.sync;
  const revision = shortRevision(state.syncResult?.revision || sync?.revision);
  const { message, nextAt } = waitingFor(state);
  return {
    phase: state.phase,
    running: !isOver(state),
    title: `${nounOf(state.operation, revision)} ${ENDINGS[state.phase]}`,
    by: initiatorWords(state.operation?.initiatedBy, sync?.autoHealAttemptsCount),
    message,
    revision: isRollback(state.operation) ? "" : revision,
    startedAt: state.startedAt ?? null,
    finishedAt: state.finishedAt ?? null,
    attempt: attemptWords(state),
    nextAt,
    mended: isMended(app),
    rows,
    finished: rows.filter(({ tone }) => tone === "done" || tone === "failed" || tone === "skipped").length,
    failed: rows.filter(({ tone }) => tone === "failed").length,
    total: rows.length + outstanding(app, state),
  };
}

function nounOf(operation: Operation | undefined, revision: string): string {
  const sync = operation?.sync;
  const dry = sync?.dryRun ? "Dry run" : "";
  if (isRollback(operation))
    return [dry && `${dry} of a`, dry ? "rollback" : "Rollback", "to", revision].filter(Boolean).join(" ");
  return dry || (sync?.autoHealAttemptsCount ? "Self-heal" : "Sync");
}

/** The first attempt and as many retries as the limit allows; below zero it allows any number. */
export function attemptWords({ retryCount = 0, operation }: OperationState): string {
  if (retryCount === 0) return "";
  const limit = operation?.retry?.limit ?? 0;
  return `attempt ${retryCount + 1}${limit >= retryCount ? ` of ${limit + 1}` : ""}`;
}

// The controller's words for a failure that will be tried again, and Argo CD's, which count otherwise.
const RETRYING = /^(.*?)\.? Retrying(?: attempt #\d+|: attempt [\d a-z]+?) at (\S+)$/s;

function waitingFor(state: OperationState): { message: string; nextAt: string | null } {
  const message = state.message ?? "";
  const found = isOver(state) ? null : RETRYING.exec(message);
  return found ? { message: `${found[1]}.`, nextAt: found[2] ?? null } : { message, nextAt: null };
}

function isOver(state: OperationState): boolean {
  return state.phase !== "Running" && state.phase !== "Terminating";
}

function starting(app: Application): OperationView {
  const sync = app.operation?.sync;
  const revision = shortRevision(sync?.revision);
  return {
    phase: "Running",
    running: true,
    title: `${nounOf(app.operation ?? undefined, revision)} starts`,
    by: initiatorWords(app.operation?.initiatedBy, sync?.autoHealAttemptsCount),
    message: "Waiting for the controller to begin.",
    revision: isRollback(app.operation) ? "" : revision,
    startedAt: null,
    finishedAt: null,
    attempt: "",
    nextAt: null,
    mended: false,
    rows: [],
    finished: 0,
    failed: 0,
    total: 0,
  };
}

/** What a running sync has still to begin: of the resources named, or else of those that differ. */
function outstanding(app: Application, state: OperationState): number {
  if (isOver(state)) return 0;
  const begun = new Set((state.syncResult?.resources ?? []).map(nameOf));
  const named = state.operation?.sync?.resources ?? [];
  const differing = (app.status?.resources ?? []).filter(({ status }) => status === "OutOfSync");
  return (named.length ? named : differing).filter((resource) => !begun.has(nameOf(resource))).length;
}

// A request may leave the namespace out, so it takes no part in telling resources apart.
const nameOf = ({ group, kind, name }: ResourceId): string => `${group ?? ""}/${kind}/${name}`;

function resultRow(result: ResourceResult): ResultRow {
  const tone = toneOf(result);
  return { result, tone, words: result.message || WORDS[tone] };
}

const WORDS: Readonly<Record<ResultTone, string>> = {
  done: "applied",
  failed: "failed",
  running: "in progress",
  waiting: "waiting",
  skipped: "skipped",
};

function toneOf({ status, hookPhase }: ResourceResult): ResultTone {
  if (status === "SyncFailed" || hookPhase === "Failed" || hookPhase === "Error") return "failed";
  if (hookPhase === "Running" || hookPhase === "Terminating") return "running";
  if (status === "PruneSkipped" || status === "SyncSkipped") return "skipped";
  if (status === "Synced" || status === "Pruned" || hookPhase === "Succeeded") return "done";
  return "waiting";
}

const URGENCY: readonly ResultTone[] = ["failed", "running", "waiting", "done", "skipped"];

function byUrgency(a: ResultRow, b: ResultRow): number {
  return (
    URGENCY.indexOf(a.tone) - URGENCY.indexOf(b.tone) ||
    a.result.kind.localeCompare(b.result.kind) ||
    a.result.name.localeCompare(b.result.name)
  );
}

/** Who asked for it: a person, autosync for a new commit, or self-heal. */
export function initiatorWords(
  by: { username?: string; automated?: boolean } | undefined,
  healAttempts?: number,
): string {
  if (by?.automated) return healAttempts ? "self-heal" : "autosync";
  return by?.username || "unknown";
}
