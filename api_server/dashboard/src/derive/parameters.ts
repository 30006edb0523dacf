/** What an application tells its sources' renderers, as rows of name and value. */

import type { Application, Source } from "../api/types";

export interface Parameter {
  readonly name: string;
  readonly value: string;
  /** Long texts, such as a whole values file. */
  readonly long: boolean;
}

export interface SourceParameters {
  readonly title: string;
  readonly rows: readonly Parameter[];
}

/** Where the source is, which the page's head says already. */
const PLACE = new Set(["repoURL", "path", "chart", "targetRevision", "ref", "name"]);
const LONG = 120;

export function parametersOf(app: Application): SourceParameters[] {
  const sources = app.spec.sources?.length ? app.spec.sources : [app.spec.source ?? {}];
  return sources.map((source) => ({ title: titleOf(source), rows: rowsOf(source) }));
}

function titleOf(source: Source): string {
  const place = source.chart || source.path || (source.ref ? `$${source.ref}` : ".");
  return [source.repoURL, place].filter(Boolean).join(" ");
}

function rowsOf(source: Source): Parameter[] {
  return Object.entries(source)
    .filter(([key]) => !PLACE.has(key))
    .flatMap(([key, value]) => flat(key, value));
}

function flat(name: string, value: unknown): Parameter[] {
  if (value === null || value === undefined || value === "") return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => ofList(name, item, index));
  if (typeof value === "object") return Object.entries(value).flatMap(([key, inner]) => flat(`${name}.${key}`, inner));
  const text = String(value);
  return [{ name, value: text, long: text.length > LONG || text.includes("\n") }];
}

/** Helm's parameters and plugins' variables have names of their own; all else is counted. */
function ofList(list: string, item: unknown, index: number): Parameter[] {
  if (typeof item !== "object" || item === null) return flat(`${list}[${index}]`, item);
  const { name, value, ...more } = item as { name?: unknown; value?: unknown };
  if (typeof name !== "string" || value === undefined) return flat(`${list}[${index}]`, item);
  return [...flat(`${list}.${name}`, value), ...flat(`${list}.${name}`, more)];
}
