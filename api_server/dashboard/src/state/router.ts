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

export function navigate(to: string, { replace = false } = {}): void {
  const url = base() + to;
  if (replace) window.history.replaceState(null, "", url);
  else window.history.pushState(null, "", url);
  address.set(current());
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

/** Changes some parameters of the query in place; undefined takes one away. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>, { replace = true } = {}): void {
  const [path = "/", query = ""] = address.get().split("?", 2);
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === "") next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  navigate(text ? `${path}?${text}` : path, { replace });
}

export function applicationPath(namespace: string | undefined, name: string): string {
  const parts = namespace ? [namespace, name] : [name];
  // A server takes a last part with a dot for a file; the slash says that it is none.
  const end = name.includes(".") ? "/" : "";
  return `/applications/${parts.map(encodeURIComponent).join("/")}${end}`;
}
