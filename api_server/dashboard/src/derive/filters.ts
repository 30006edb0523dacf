/** Search, facets and order of the list of applications; the choice lives in the page's address. */

import type { Application } from "../api/types";
import {
  HEALTH_CODES,
  SYNC_CODES,
  clusterOf,
  commitWaits,
  comparedRevision,
  errorsOf,
  healthOf,
  isRunning,
  projectOf,
  syncOf,
} from "./application";

export type FacetName = "sync" | "health" | "attention" | "project" | "cluster";

interface Facet {
  readonly title: string;
  readonly values: (app: Application) => readonly string[];
  /** Shown in this order even when nothing matches; other values come sorted. */
  readonly known: readonly string[];
}

export const ATTENTION = { waiting: "Commit waits", error: "Has errors", running: "Sync running" } as const;

function attention(app: Application): string[] {
  return [
    ...(errorsOf(app).length ? [ATTENTION.error] : []),
    ...(commitWaits(app) ? [ATTENTION.waiting] : []),
    ...(isRunning(app) ? [ATTENTION.running] : []),
  ];
}

export const FACETS: Readonly<Record<FacetName, Facet>> = {
  sync: { title: "Sync status", values: (app) => [syncOf(app)], known: SYNC_CODES },
  health: { title: "Health", values: (app) => [healthOf(app)], known: HEALTH_CODES },
  attention: { title: "Attention", values: attention, known: Object.values(ATTENTION) },
  project: { title: "Project", values: (app) => [projectOf(app)], known: [] },
  cluster: { title: "Cluster", values: (app) => [clusterOf(app)], known: [] },
};
export const FACET_NAMES = Object.keys(FACETS) as FacetName[];

export type SortColumn = "name" | "project" | "cluster" | "sync" | "health" | "synced";

export interface Filter {
  readonly search: string;
  readonly chosen: Readonly<Record<FacetName, readonly string[]>>;
  readonly sort: SortColumn;
  readonly descending: boolean;
}

const SORTS: readonly SortColumn[] = ["name", "project", "cluster", "sync", "health", "synced"];

export function filterFromQuery(query: URLSearchParams): Filter {
  const asked = query.get("sort") ?? "name";
  const column = asked.replace(/^-/, "") as SortColumn;
  return {
    search: query.get("search") ?? "",
    chosen: Object.fromEntries(FACET_NAMES.map((name) => [name, query.getAll(name)])) as unknown as Filter["chosen"],
    sort: SORTS.includes(column) ? column : "name",
    descending: asked.startsWith("-"),
  };
}

export function filterToQuery(filter: Filter): URLSearchParams {
  const query = new URLSearchParams();
  if (filter.search) query.set("search", filter.search);
  for (const name of FACET_NAMES) for (const value of filter.chosen[name]) query.append(name, value);
  if (filter.sort !== "name" || filter.descending) {
    query.set("sort", `${filter.descending ? "-" : ""}${filter.sort}`);
  }
  return query;
}

export function toggled(filter: Filter, facet: FacetName, value: string): Filter {
  const old = filter.chosen[facet];
  const next = old.includes(value) ? old.filter((other) => other !== value) : [...old, value];
  return { ...filter, chosen: { ...filter.chosen, [facet]: next } };
}

export const cleared = (filter: Filter): Filter => ({
  ...filter,
  search: "",
  chosen: Object.fromEntries(FACET_NAMES.map((name) => [name, []])) as unknown as Filter["chosen"],
});

export const isFiltering = (filter: Filter): boolean =>
  filter.search !== "" || FACET_NAMES.some((name) => filter.chosen[name].length > 0);

/** Every word has to be found somewhere in what names the application. */
export function matchesSearch(app: Application, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = searchable(app);
  return words.every((word) => text.includes(word));
}

function searchable(app: Application): string {
  const { destination, source, sources } = app.spec;
  const places = [source, ...(sources ?? [])].flatMap((one) => [one?.repoURL, one?.path, one?.chart]);
  return [app.metadata.name, projectOf(app), clusterOf(app), destination?.namespace, comparedRevision(app), ...places]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
}

function matchesFacet(app: Application, name: FacetName, chosen: readonly string[]): boolean {
  return chosen.length === 0 || FACETS[name].values(app).some((value) => chosen.includes(value));
}

export interface FacetCount {
  readonly value: string;
  readonly count: number;
  readonly chosen: boolean;
}

export interface Listing {
  readonly shown: readonly Application[];
  readonly facets: Readonly<Record<FacetName, readonly FacetCount[]>>;
  readonly total: number;
}

/** What is shown, and for each facet how many there would be under all the other choices. */
export function listing(apps: readonly Application[], filter: Filter): Listing {
  const found = apps.filter((app) => matchesSearch(app, filter.search));
  const shown: Application[] = [];
  const counts = new Map(FACET_NAMES.map((name) => [name, new Map<string, number>()]));
  for (const app of found) {
    const missed = FACET_NAMES.filter((name) => !matchesFacet(app, name, filter.chosen[name]));
    if (missed.length === 0) shown.push(app);
    for (const name of FACET_NAMES) {
      if (missed.length === 0 || (missed.length === 1 && missed[0] === name)) {
        const tally = counts.get(name);
        for (const value of FACETS[name].values(app)) tally?.set(value, (tally.get(value) ?? 0) + 1);
      }
    }
  }
  const facets = Object.fromEntries(
    FACET_NAMES.map((name) => [name, facetCounts(name, counts.get(name) ?? new Map(), filter)]),
  ) as unknown as Listing["facets"];
  return { shown: sorted(shown, filter), facets, total: apps.length };
}

function facetCounts(name: FacetName, tally: ReadonlyMap<string, number>, filter: Filter): FacetCount[] {
  const chosen = filter.chosen[name];
  const known = FACETS[name].known;
  const others = [...new Set([...tally.keys(), ...chosen])].filter((value) => !known.includes(value));
  return [...known, ...others.sort()].map((value) => ({
    value,
    count: tally.get(value) ?? 0,
    chosen: chosen.includes(value),
  }));
}

const RANK: Readonly<Record<SortColumn, (app: Application) => string | number>> = {
  name: (app) => app.metadata.name,
  project: projectOf,
  cluster: clusterOf,
  sync: (app) => ["OutOfSync", "Unknown", "Synced"].indexOf(syncOf(app)),
  health: (app) => HEALTH_CODES.indexOf(healthOf(app)),
  synced: (app) => {
    const state = app.status?.operationState;
    return -(Date.parse(state?.finishedAt ?? state?.startedAt ?? "") || 0);
  },
};

function sorted(apps: readonly Application[], filter: Filter): Application[] {
  const rank = RANK[filter.sort];
  const way = filter.descending ? -1 : 1;
  return apps
    .map((app) => ({ app, by: rank(app) }))
    .sort((a, b) => way * order(a.by, b.by) || order(a.app.metadata.name, b.app.metadata.name))
    .map(({ app }) => app);
}

function order(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How many of each, over everything: the bar above the list. */
export function tally<T extends string>(apps: readonly Application[], of: (app: Application) => T): Map<T, number> {
  const counts = new Map<T, number>();
  for (const app of apps) counts.set(of(app), (counts.get(of(app)) ?? 0) + 1);
  return counts;
}
