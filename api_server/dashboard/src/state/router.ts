/** The page's address as a value: path below <base href>, and query. */

import { useMemo } from "react";
import { Store, useStore } from "./external";

const base = (): string => new URL(document.baseURI).pathname.replace(/\/$/, "");

function current(): string {
  const { pathname, search } = window.location;
  return (pathname.startsWith(base()) ? pathname.slice(base().length) : pathname) + search || "/";
}

const address = new Store<string>(typeof window === "undefined" ? "/" : current());
if (typeof window !== "undefined") window.addEventListener("popstate", () => address.set(current()));

/** What a step remembers of the one before, so that undoing it in the page is the browser's Back. */
interface Step {
  readonly from?: string;
}

let leaving = false;
if (typeof window !== "undefined") window.addEventListener("popstate", () => (leaving = false));

export function navigate(to: string, { replace = false } = {}): void {
  const url = base() + to;
  if (replace) window.history.replaceState(window.history.state, "", url);
  else window.history.pushState({ from: address.get() } satisfies Step, "", url);
  address.set(current());
}

/** A step within a page. Closing what was just opened goes back, so that no closed panel waits behind Back. */
function step(to: string): void {
  if (to === address.get() || leaving) return;
  if ((window.history.state as Step | null)?.from !== to) return navigate(to);
  leaving = true;
  window.history.back();
}

export const hrefOf = (to: string): string => base() + to;

export interface Address {
  readonly path: string;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

export function useAddress(): Address {
  const text = useStore(address);
  return useMemo(() => {
    const [path = "/", query = ""] = text.split("?", 2);
    const segments = path.split("/").filter(Boolean).map(decodeURIComponent);
    return { path, segments, query: new URLSearchParams(query) };
  }, [text]);
}

/** Changes some parameters of the query; undefined takes one away. Each change is a step that Back undoes. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const [path = "/", query = ""] = address.get().split("?", 2);
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === "") next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  step(text ? `${path}?${text}` : path);
}

export function applicationPath(namespace: string | undefined, name: string): string {
  const parts = namespace ? [namespace, name] : [name];
  // A server takes a last part with a dot for a file; the slash says that it is none.
  const end = name.includes(".") ? "/" : "";
  return `/applications/${parts.map(encodeURIComponent).join("/")}${end}`;
}
