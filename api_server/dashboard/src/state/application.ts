/** One application and its tree, each kept current by its own stream. */

import { useEffect, useMemo, useRef, useState } from "react";
import {
  application as getApplication,
  managedResources,
  resourceTree,
  revisionMetadata,
  type AppRef,
} from "../api/calls";
import { ApiError, withQuery, wordsOf } from "../api/http";
import { openStream, type Stream, type StreamState } from "../api/stream";
import type { Application, ApplicationEvent, ApplicationTree, ResourceDiff, RevisionMetadata } from "../api/types";
import { isOlder } from "../derive/events";
import { keyOf } from "../derive/application";
import { knownApplication } from "./applications";

export interface Followed<T> {
  readonly value: T | undefined;
  readonly stream: StreamState;
  readonly asOf: number | undefined;
  /** The server refused to show it, or does not know it. */
  readonly refusal: ApiError | undefined;
  readonly gone: boolean;
  readonly retry: () => void;
}

export function useApplication(ref: AppRef): Followed<Application> {
  const key = `${ref.namespace ?? ""}/${ref.name}`;
  return useFollowed<Application, ApplicationEvent>(key, {
    first: () => knownApplication(key),
    load: (signal) => getApplication(ref, signal),
    path: (app) =>
      withQuery("/api/v1/stream/applications", {
        name: ref.name,
        appNamespace: ref.namespace,
        resourceVersion: app.metadata.resourceVersion,
      }),
    next: (old, event) => {
      if (event.application.metadata.name !== ref.name) return old;
      if (event.type === "DELETED") return undefined;
      return isOlder(event.application, old) ? old : event.application;
    },
  });
}

export function useTree(ref: AppRef): Followed<ApplicationTree> {
  return useFollowed<ApplicationTree, ApplicationTree>(`${ref.namespace ?? ""}/${ref.name}`, {
    first: () => undefined,
    load: () => resourceTree(ref),
    path: () =>
      withQuery(`/api/v1/stream/applications/${encodeURIComponent(ref.name)}/resource-tree`, {
        applicationName: ref.name,
        appNamespace: ref.namespace,
      }),
    next: (_old, tree) => tree,
  });
}

interface Source<T, E> {
  readonly first: () => T | undefined;
  readonly load: (signal: AbortSignal) => Promise<T>;
  readonly path: (value: T) => string;
  /** The value after an event; undefined once it is gone. */
  readonly next: (old: T | undefined, event: E) => T | undefined;
}

type Known<T> = Omit<Followed<T>, "retry">;

function useFollowed<T, E>(key: string, source: Source<T, E>): Followed<T> {
  const [known, setKnown] = useState<Known<T>>(() => unknown(source.first()));
  const stream = useRef<Stream | undefined>(undefined);
  const latest = useRef(source);
  latest.current = source;
  useEffect(() => {
    setKnown(unknown(latest.current.first()));
    stream.current = openStream<E>({
      open: async (signal) => {
        const value = await latest.current.load(signal).catch((error: unknown) => {
          if (isRefusal(error)) setKnown((old) => ({ ...old, refusal: error }));
          throw error;
        });
        setKnown((old) => ({ ...old, value, refusal: undefined, gone: false, asOf: Date.now() }));
        return latest.current.path(value);
      },
      receive: (event) => setKnown((old) => received(old, latest.current.next(old.value, event))),
      state: (next) => setKnown((old) => ({ ...old, stream: next, asOf: asOfAt(old, next) })),
    });
    return () => stream.current?.close();
  }, [key]);
  return useMemo(() => ({ ...known, retry: () => stream.current?.retry() }), [known]);
}

function unknown<T>(value: T | undefined): Known<T> {
  return { value, stream: { kind: "connecting" }, asOf: undefined, refusal: undefined, gone: false };
}

function received<T>(old: Known<T>, value: T | undefined): Known<T> {
  return { ...old, value: value ?? old.value, gone: value === undefined, asOf: Date.now() };
}

function asOfAt<T>(old: Known<T>, next: StreamState): number | undefined {
  return next.kind === "lost" && old.stream.kind === "live" ? Date.now() : old.asOf;
}

function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 403 || error.status === 404 || error.status === 400);
}

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string;
  readonly loading: boolean;
}

/** Asks again whenever the key changes and keeps the old answer until the new one is there. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { of: string }>({
    value: undefined,
    error: "",
    loading: true,
    of: key,
  });
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const asked = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    latest.current(asked.signal).then(
      (value) => {
        if (!asked.signal.aborted) setState({ value, error: "", loading: false, of: key });
      },
      (error: unknown) => {
        if (!asked.signal.aborted) setState((old) => ({ ...old, error: wordsOf(error), loading: false }));
      },
    );
    return () => asked.abort();
  }, [key]);
  return state;
}

/** Live, desired and predicted states; asked anew when the application's verdict may have changed. */
export function useManagedResources(ref: AppRef, app: Application | undefined): Loaded<readonly ResourceDiff[]> {
  const status = app?.status;
  const verdict = JSON.stringify([
    status?.reconciledAt,
    status?.sync?.revision,
    status?.resources?.map(({ status: sync, health }) => [sync, health?.status]),
  ]);
  return useLoaded(`${app ? keyOf(app) : ""} ${verdict}`, (signal) =>
    managedResources(ref, signal).then(({ items }) => items ?? []),
  );
}

/** Author, date and message of a commit; nothing while unknown. */
export function useCommit(app: Application, revision: string): RevisionMetadata | undefined {
  const ref = { name: app.metadata.name, namespace: app.metadata.namespace };
  return useLoaded<RevisionMetadata>(`${keyOf(app)}@${revision}`, () =>
    revision ? revisionMetadata(ref, revision) : Promise.resolve({}),
  ).value;
}
