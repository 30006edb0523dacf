/** All applications the user may see, kept current by one stream while anyone looks. */

import { useEffect } from "react";
import { applications as listApplications, rowFields } from "../api/calls";
import { withQuery } from "../api/http";
import { openStream, type Stream, type StreamState } from "../api/stream";
import type { Application, ApplicationEvent } from "../api/types";
import { keyOf } from "../derive/application";
import { applyEvents } from "../derive/events";
import { Store, useStore } from "./external";

export interface Applications {
  readonly byKey: ReadonlyMap<string, Application>;
  readonly loaded: boolean;
  readonly stream: StreamState;
  /** When this was last known to be true. */
  readonly asOf: number | undefined;
}

const EMPTY: Applications = { byKey: new Map(), loaded: false, stream: { kind: "connecting" }, asOf: undefined };
const store = new Store<Applications>(EMPTY);
let stream: Stream | undefined;
let watchers = 0;
let waiting: ApplicationEvent[] = [];

export function forgetApplications(): void {
  waiting = [];
  store.set(EMPTY);
}

async function load(signal: AbortSignal): Promise<string> {
  const list = await listApplications(signal);
  waiting = [];
  const byKey = new Map((list.items ?? []).map((app) => [keyOf(app), app]));
  store.update((state) => ({ ...state, byKey, loaded: true, asOf: Date.now() }));
  return withQuery("/api/v1/stream/applications", {
    resourceVersion: list.metadata?.resourceVersion,
    fields: `result.type,${rowFields("result.application")}`,
  });
}

/** A burst of events is one change of the list, at most one a frame. */
function receive(event: ApplicationEvent): void {
  waiting.push(event);
  if (waiting.length === 1) setTimeout(flush, 60);
}

function flush(): void {
  const events = waiting;
  waiting = [];
  if (events.length === 0) return;
  store.update((state) => ({ ...state, byKey: applyEvents(state.byKey, events), asOf: Date.now() }));
}

function showStream(next: StreamState): void {
  store.update((state) => ({
    ...state,
    stream: next,
    // The last moment at which the list was known to be current.
    asOf: next.kind === "lost" && state.stream.kind === "live" ? Date.now() : state.asOf,
  }));
}

/** Follow the applications as long as the component is mounted. */
export function useApplications(): Applications {
  useEffect(() => {
    if (watchers++ === 0) stream = openStream<ApplicationEvent>({ open: load, receive, state: showStream });
    return () => {
      if (--watchers > 0) return;
      stream?.close();
      stream = undefined;
    };
  }, []);
  return useStore(store);
}

export const retryApplications = (): void => stream?.retry();

/** What is known already, without following it: for the first paint of a page. */
export const knownApplication = (key: string): Application | undefined => store.get().byKey.get(key);
export const knownApplications = (): readonly Application[] => [...store.get().byKey.values()];
