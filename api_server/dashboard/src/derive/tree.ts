/** The resource tree as the dashboard shows it: managed resources with status, their children, groups. */

import type {
  Application,
  ApplicationTree,
  HealthCode,
  ResourceId,
  ResourceStatus,
  SyncCode,
  TreeNode,
} from "../api/types";
import { healthOf, syncOf, verdictDoubtful } from "./application";

export interface ResourceView extends ResourceId {
  readonly id: string;
  readonly group: string;
  readonly version: string;
  readonly uid: string;
  readonly namespace: string;
  readonly health: HealthCode | undefined;
  readonly healthMessage: string;
  /** Only managed resources have one. */
  readonly sync: SyncCode | undefined;
  /** The comparison behind it failed: not to be shown as fine. */
  readonly doubtful: boolean;
  readonly requiresPruning: boolean;
  readonly hook: boolean;
  readonly info: readonly { name: string; value: string }[];
  readonly images: readonly string[];
  readonly createdAt: string | null;
  readonly resourceVersion: string;
}

export interface Branch {
  readonly id: string;
  readonly kind: "app" | "resource" | "group";
  readonly resource: ResourceView | undefined;
  /** The members of a group. */
  readonly members: readonly ResourceView[];
  readonly children: readonly Branch[];
}

export const ROOT_ID = "app";

export function resourceKey({ group, kind, namespace, name }: ResourceId): string {
  return [group ?? "", kind, namespace ?? "", name].join("/");
}

const BLANK = { hook: false, doubtful: false, requiresPruning: false, sync: undefined } as const;

function fromNode(node: TreeNode): ResourceView {
  return {
    ...BLANK,
    id: resourceKey(node),
    group: node.group ?? "",
    version: node.version ?? "",
    kind: node.kind,
    namespace: node.namespace ?? "",
    name: node.name,
    uid: node.uid ?? "",
    health: node.health?.status,
    healthMessage: node.health?.message ?? "",
    info: node.info ?? [],
    images: node.images ?? [],
    createdAt: node.createdAt ?? null,
    resourceVersion: node.resourceVersion ?? "",
  };
}

function withStatus(status: ResourceStatus, node: ResourceView | undefined, doubtful: boolean): ResourceView {
  const base = node ?? fromNode({ ...status, health: null });
  return {
    ...base,
    version: base.version || status.version || "",
    health: status.health?.status ?? base.health,
    healthMessage: status.health?.message || base.healthMessage,
    // What was Synced before the comparison failed may be so no more.
    sync: doubtful && status.status ? "Unknown" : status.status,
    doubtful,
    requiresPruning: Boolean(status.requiresPruning),
    hook: Boolean(status.hook),
  };
}

export interface Resources {
  readonly byId: ReadonlyMap<string, ResourceView>;
  readonly childrenOf: ReadonlyMap<string, readonly string[]>;
  readonly top: readonly string[];
}

/** Joins what the Application lists as managed with what the tree knows to be alive. */
export function joinResources(app: Application, tree: ApplicationTree | undefined): Resources {
  const byId = new Map<string, ResourceView>();
  const childrenOf = new Map<string, string[]>();
  const nodes = tree?.nodes ?? [];
  const idByUid = new Map(nodes.filter(({ uid }) => uid).map((node) => [node.uid, resourceKey(node)]));
  for (const node of nodes) byId.set(resourceKey(node), fromNode(node));
  const doubtful = verdictDoubtful(app);
  for (const status of app.status?.resources ?? []) {
    const id = resourceKey(status);
    byId.set(id, withStatus(status, byId.get(id), doubtful));
  }
  const top: string[] = [];
  const parents = new Map(nodes.map((node) => [resourceKey(node), parentOf(node, byId, idByUid)]));
  for (const id of byId.keys()) {
    const parent = parents.get(id);
    if (parent === undefined || isAbove(id, parent, parents)) top.push(id);
    else under(childrenOf, parent).push(id);
  }
  const inOrder = (a: string, b: string) => compareResources(byId.get(a), byId.get(b));
  for (const children of childrenOf.values()) children.sort(inOrder);
  return { byId, childrenOf, top: top.sort(inOrder) };
}

function under<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key) ?? [];
  if (known.length === 0) map.set(key, known);
  return known;
}

function parentOf(
  node: TreeNode,
  byId: ReadonlyMap<string, ResourceView>,
  idByUid: ReadonlyMap<string | undefined, string>,
): string | undefined {
  for (const ref of node.parentRefs ?? []) {
    const id = (ref.uid && idByUid.get(ref.uid)) || resourceKey(ref);
    if (byId.has(id)) return id;
  }
  return undefined;
}

/** A cycle of owners would hide its members for ever; the first one found becomes a top resource. */
function isAbove(id: string, parent: string, parents: ReadonlyMap<string, string | undefined>): boolean {
  for (let at: string | undefined = parent, steps = 0; at !== undefined && steps < 64; steps++) {
    if (at === id) return true;
    at = parents.get(at);
  }
  return false;
}

// What people look for first stands on top; kinds not named here follow by name.
const KIND_ORDER = [
  "Namespace",
  "CustomResourceDefinition",
  "Rollout",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Job",
  "ReplicaSet",
  "Pod",
  "Ingress",
  "Service",
  "EndpointSlice",
  "Endpoints",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "ConfigMap",
  "Secret",
  "PersistentVolumeClaim",
  "ServiceAccount",
];

function kindRank(kind: string): number {
  const rank = KIND_ORDER.indexOf(kind);
  return rank < 0 ? KIND_ORDER.length : rank;
}

/** By kind; the newest ReplicaSet before older ones, else by name. */
export function compareResources(a: ResourceView | undefined, b: ResourceView | undefined): number {
  if (!a || !b) return a ? -1 : b ? 1 : 0;
  return (
    kindRank(a.kind) - kindRank(b.kind) ||
    a.kind.localeCompare(b.kind) ||
    (a.kind === "ReplicaSet" ? (b.createdAt ?? "").localeCompare(a.createdAt ?? "") : 0) ||
    a.name.localeCompare(b.name, undefined, { numeric: true })
  );
}

export interface TreeChoice {
  /** Show only what has one of these kinds, with the way down to it; empty: everything. */
  readonly kinds: ReadonlySet<string>;
  readonly search: string;
  readonly problemsOnly: boolean;
  /** Ids of groups a person has opened. */
  readonly opened: ReadonlySet<string>;
  /** Old ReplicaSets with nothing in them are noise unless asked for. */
  readonly showEmptyReplicaSets: boolean;
}

export const EVERYTHING: TreeChoice = {
  kinds: new Set(),
  search: "",
  problemsOnly: false,
  opened: new Set(),
  showEmptyReplicaSets: false,
};

// As many quiet siblings of one kind are still drawn one by one.
const UNGROUPED_PODS = 4;
const UNGROUPED_OTHERS = 6;

export function branches(app: Application, resources: Resources, choice: TreeChoice): Branch {
  const grow = (ids: readonly string[], parent: string): Branch[] => {
    const grown = ids.map((id) => branchOf(id)).filter((branch): branch is Branch => branch !== undefined);
    return grouped(grown, parent, choice.opened);
  };
  const branchOf = (id: string): Branch | undefined => {
    const resource = resources.byId.get(id);
    if (!resource) return undefined;
    const children = grow(resources.childrenOf.get(id) ?? [], id);
    if (children.length === 0 && !isWanted(resource, choice)) return undefined;
    return { id, kind: "resource", resource, members: [], children };
  };
  const root = appResource(app);
  return { id: ROOT_ID, kind: "app", resource: root, members: [], children: grow(resources.top, ROOT_ID) };
}

function appResource(app: Application): ResourceView {
  const node = {
    group: "argoproj.io",
    kind: "Application",
    namespace: app.metadata.namespace ?? "",
    name: app.metadata.name,
  };
  return {
    ...fromNode(node),
    id: ROOT_ID,
    health: healthOf(app),
    healthMessage: app.status?.health?.message ?? "",
    sync: syncOf(app),
    doubtful: verdictDoubtful(app),
  };
}

function isWanted(resource: ResourceView, choice: TreeChoice): boolean {
  if (!choice.showEmptyReplicaSets && isEmptyReplicaSet(resource)) return false;
  if (choice.kinds.size > 0 && !choice.kinds.has(resource.kind)) return false;
  if (choice.problemsOnly && !isProblem(resource)) return false;
  return `${resource.kind} ${resource.name}`.toLowerCase().includes(choice.search.toLowerCase());
}

/** A ReplicaSet the Deployment has left behind: no pods below it, and it is not itself managed. */
function isEmptyReplicaSet({ kind, sync, health, info }: ResourceView): boolean {
  if (kind !== "ReplicaSet" || sync !== undefined) return false;
  return health !== "Progressing" && health !== "Degraded" && !info.some(({ name }) => name === "Containers");
}

export function isProblem({ health, sync }: ResourceView): boolean {
  return sync === "OutOfSync" || sync === "Unknown" || (health !== undefined && !QUIET.has(health));
}

const QUIET: ReadonlySet<HealthCode> = new Set(["Healthy", "Suspended"]);

/** Many quiet siblings of one kind become one node; those with a problem stay in sight. */
function grouped(siblings: readonly Branch[], parent: string, opened: ReadonlySet<string>): Branch[] {
  const quiet = new Map<string, Branch[]>();
  for (const branch of siblings) {
    const { resource } = branch;
    if (!resource || branch.children.length > 0 || isProblem(resource)) continue;
    under(quiet, resource.kind).push(branch);
  }
  const quietOnes = new Set([...quiet.values()].flat());
  const result: Branch[] = [];
  const done = new Set<string>();
  for (const branch of siblings) {
    const kind = branch.resource?.kind ?? "";
    const members = quiet.get(kind) ?? [];
    const id = `${parent}>${kind}`;
    const folds =
      quietOnes.has(branch) && !opened.has(id) && members.length > (kind === "Pod" ? UNGROUPED_PODS : UNGROUPED_OTHERS);
    if (!folds) result.push(branch);
    else if (!done.has(id)) {
      done.add(id);
      result.push({
        id,
        kind: "group",
        resource: undefined,
        members: members.flatMap((one) => one.resource ?? []),
        children: [],
      });
    }
  }
  return result;
}

/** Groups a person has opened and could fold again. */
export function kindsOf(resources: Resources): { kind: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { kind } of resources.byId.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts]
    .map(([kind, count]) => ({ kind, count }))
    .sort((a, b) => kindRank(a.kind) - kindRank(b.kind) || a.kind.localeCompare(b.kind));
}

export interface ListedResource {
  readonly resource: ResourceView;
  readonly depth: number;
}

/** The same tree as rows, for reading and for screen readers. */
export function flattened(branch: Branch, depth = 0): ListedResource[] {
  // The application stands above its resources, and they are not indented for it.
  const own = branch.resource ? [{ resource: branch.resource, depth: Math.max(0, depth - 1) }] : [];
  const members = branch.members.map((resource) => ({ resource, depth: depth - 1 }));
  return [...own, ...members, ...branch.children.flatMap((child) => flattened(child, depth + 1))];
}
