/** One application and its tree, kept current by what the server tells; and questions that are asked again. */

import { useEffect, useRef, useState } from "react";
import { managedResource, revisionMetadata, type AppRef } from "../api/calls";
import { wordsOf } from "../api/http";
import type {
  Application,
  ApplicationEvent,
  ApplicationTree,
  ResourceDiff,
  ResourceId,
  RevisionMetadata,
} from "../api/types";
import { keyOf } from "../derive/application";
import { isOlder } from "../derive/events";
import { follow, retryNow } from "../feed/client";
import { eventIn } from "../feed/events";
import type { Refusal, StreamState, Topic } from "../feed/topics";
import { knownApplication } from "./applications";

export interface Followed<T> {
  readonly value: T | undefined;
  readonly stream: StreamState;
  /** When it was last known to be true; undefined before the server told of it. */
  readonly asOf: number | undefined;
  /** The server refused to show it, or does not know it. */
  readonly refusal: Refusal | undefined;
  readonly gone: boolean;
}

export const retry = retryNow;

export function useApplication(ref: AppRef): Followed<Application> {
  const key = `${ref.namespace ?? ""}/${ref.name}`;
  return useFollowed<Application, ApplicationEvent>(
    { kind: "application", name: ref.name, appNamespace: ref.namespace },
    () => knownApplication(key),
    (old, { type, application }) => {
      if (type === "DELETED") return undefined;
      return isOlder(application, old) ? old : application;
    },
  );
}

export function useTree(ref: AppRef): Followed<ApplicationTree> {
  return useFollowed<ApplicationTree, ApplicationTree>(
    { kind: "tree", name: ref.name, appNamespace: ref.namespace },
    () => undefined,
    (_old, tree) => tree,
  );
}

/** `next` answers the value after an event; undefined once it is gone. */
function useFollowed<T, E>(
  topic: Topic,
  first: () => T | undefined,
  next: (old: T | undefined, event: E) => T | undefined,
): Followed<T> {
  const [known, setKnown] = useState<Followed<T>>(() => unknown(first()));
  const latest = useRef({ first, next });
  latest.current = { first, next };
  const { kind, name, appNamespace } = topic;
  useEffect(() => {
    setKnown(unknown(latest.current.first()));
    const following = follow({
      topic: { kind, name, appNamespace },
      event: (data) => setKnown((old) => received(old, latest.current.next(old.value, eventIn<E>(data)))),
      state: (state) => setKnown((old) => withState(old, state)),
      refused: (refusal) => setKnown((old) => ({ ...old, refusal })),
    });
    return following.close;
  }, [kind, name, appNamespace]);
  return known;
}

function unknown<T>(value: T | undefined): Followed<T> {
  return { value, stream: { kind: "connecting" }, asOf: undefined, refusal: undefined, gone: false };
}

function received<T>(old: Followed<T>, value: T | undefined): Followed<T> {
  return { ...old, value: value ?? old.value, gone: value === undefined, refusal: undefined, asOf: Date.now() };
}

/** What is shown was true when the server was heard last, not when its silence was noticed. */
function withState<T>(old: Followed<T>, stream: StreamState): Followed<T> {
  const asOf = stream.kind === "lost" && old.asOf !== undefined ? (stream.heardAt ?? old.asOf) : old.asOf;
  return { ...old, stream, asOf };
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

/** One object's live, desired and predicted state, asked for when somebody looks at it, and again when it changed. */
export function useManagedResource(
  ref: AppRef,
  of: (ResourceId & { version?: string }) | undefined,
  state: string,
): Loaded<ResourceDiff | undefined> {
  const key = of ? JSON.stringify([ref, of.group, of.kind, of.namespace, of.name, state]) : "";
  return useLoaded(key, (signal) => (of ? managedResource(ref, of, signal) : Promise.resolve(undefined)));
}

/** Author, date and message of a commit; nothing while unknown. */
export function useCommit(app: Application, revision: string): RevisionMetadata | undefined {
  const ref = { name: app.metadata.name, namespace: app.metadata.namespace };
  return useLoaded<RevisionMetadata>(`${keyOf(app)}@${revision}`, () =>
    revision ? revisionMetadata(ref, revision) : Promise.resolve({}),
  ).value;
}
