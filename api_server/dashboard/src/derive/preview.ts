/** What a sync would do, before anyone presses the button: deletions first. */

import type { Application, ResourceDiff, ResourceId, ResourceStatus } from "../api/types";
import { countOf, diffLines, type DiffCount, type DiffLine } from "./diff";
import { resourceKey } from "./tree";
import { toYaml } from "./yaml";

export type Effect = "delete" | "keep" | "create" | "change" | "none";

export interface PreviewRow {
  readonly id: string;
  readonly resource: ResourceStatus;
  readonly effect: Effect;
}

const ORDER: readonly Effect[] = ["delete", "create", "change", "keep", "none"];

export function preview(app: Application, prune: boolean): PreviewRow[] {
  return (app.status?.resources ?? [])
    .filter(({ hook }) => !hook)
    .map((resource) => ({ id: resourceKey(resource), resource, effect: effectOf(resource, prune) }))
    .sort((a, b) => ORDER.indexOf(a.effect) - ORDER.indexOf(b.effect) || a.id.localeCompare(b.id));
}

function effectOf(resource: ResourceStatus, prune: boolean): Effect {
  if (resource.requiresPruning) return prune ? "delete" : "keep";
  if (resource.health?.status === "Missing") return "create";
  return resource.status === "Synced" ? "none" : "change";
}

/** Ticked when the panel opens: whatever is not Synced. */
export function preselected(app: Application): ReadonlySet<string> {
  const resources = (app.status?.resources ?? []).filter(({ status, hook }) => !hook && status !== "Synced");
  return new Set(resources.map(resourceKey));
}

/**
 * The resources to name in the request. None while everything that differs is ticked: a sync of the
 * whole application runs hooks and is written to the history, a sync of chosen resources is not.
 */
export function resourcesToName(app: Application, chosen: ReadonlySet<string>): ResourceId[] | undefined {
  const wanted = preselected(app);
  if (wanted.size === chosen.size && [...wanted].every((id) => chosen.has(id))) return undefined;
  return (app.status?.resources ?? [])
    .filter((resource) => chosen.has(resourceKey(resource)))
    .map(({ group, kind, namespace, name }) => ({
      group: group ?? "",
      kind,
      ...(namespace ? { namespace } : {}),
      name,
    }));
}

/** An object of the wire, decoded; undefined where there is none. */
export function decoded(state: string | undefined): Record<string, unknown> | undefined {
  if (!state || state === "null") return undefined;
  return JSON.parse(state) as Record<string, unknown>;
}

// Bookkeeping of the API server that nobody compares.
const NOISE = ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

export function withoutNoise(object: Record<string, unknown>): Record<string, unknown> {
  const { status: _status, ...rest } = object;
  const metadata = { ...(object["metadata"] as Record<string, unknown> | undefined) };
  for (const field of NOISE) delete metadata[field];
  const annotations = { ...(metadata["annotations"] as Record<string, unknown> | undefined) };
  delete annotations[LAST_APPLIED];
  if (Object.keys(annotations).length > 0) metadata["annotations"] = annotations;
  else delete metadata["annotations"];
  return { ...rest, metadata };
}

/** Live against what a sync would make of it: the server's prediction, or the desired state if there is none. */
export function resourceDiff(diff: ResourceDiff): DiffLine[] {
  return diffLines(yamlOf(diff.normalizedLiveState, diff.liveState), yamlOf(diff.predictedLiveState, diff.targetState));
}

function yamlOf(...states: (string | undefined)[]): string {
  for (const state of states) {
    const object = decoded(state);
    if (object) return toYaml(withoutNoise(object));
  }
  return "";
}

export function countOfDiff(diff: ResourceDiff | undefined): DiffCount {
  return diff ? countOf(resourceDiff(diff)) : { added: 0, removed: 0 };
}
