/** All applications the user may see, kept current while anyone looks. */

import { useEffect } from "react";
import { applications as listApplications, rowFields } from "../api/calls";
import { wordsOf } from "../api/http";
import type { Application, ApplicationEvent } from "../api/types";
import { applyEvents, listedAnew } from "../derive/events";
import { follow, type Following } from "../feed/client";
import { eventIn } from "../feed/events";
import type { StreamState, Topic } from "../feed/topics";
import { Store, useStore } from "./external";

export interface Applications {
  readonly byKey: ReadonlyMap<string, Application>;
  readonly loaded: boolean;
  readonly stream: StreamState;
  /** When this was last known to be true. */
  readonly asOf: number | undefined;
}

const EMPTY: Applications = { byKey: new Map(), loaded: false, stream: { kind: "connecting" }, asOf: undefined };
const TOPIC: Topic = { kind: "applications", fields: `result.type,${rowFields("result.application")}` };
const LOAD_AGAIN_MS = 3000;

const store = new Store<Applications>(EMPTY);
let watchers = 0;
let watch: Watch | undefined;

export function forgetApplications(): void {
  store.set(EMPTY);
}

/** Lists, then follows from there; lists again whenever the connection was gone, for the server may have forgotten
 * what was deleted meanwhile. */
class Watch {
  readonly #closed = new AbortController();
  #following: Following | undefined;
  #told: StreamState = { kind: "connecting" };
  #wasLive = false;
  #waiting: ApplicationEvent[] = [];
  /** Everything that was told since a list was asked for: the list may be older. */
  #meanwhile: ApplicationEvent[] | undefined;

  constructor() {
    void this.#load();
  }

  close(): void {
    this.#closed.abort();
    this.#following?.close();
  }

  async #load(): Promise<void> {
    this.#meanwhile = [];
    try {
      const list = await listApplications(this.#closed.signal);
      const meanwhile = this.#meanwhile ?? [];
      this.#meanwhile = undefined;
      store.update((state) => ({
        ...state,
        byKey: applyEvents(listedAnew(state.byKey, list.items ?? []), meanwhile),
        loaded: true,
        stream: this.#told,
        asOf: Date.now(),
      }));
      this.#following ??= follow({
        topic: TOPIC,
        mark: list.metadata?.resourceVersion ?? "",
        event: (data) => this.#receive(eventIn<ApplicationEvent>(data)),
        state: (state) => this.#hear(state),
      });
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      const retryAt = Date.now() + LOAD_AGAIN_MS;
      this.#show({ kind: "lost", reason: wordsOf(error), retryAt, heardAt: store.get().asOf });
      setTimeout(() => !this.#closed.signal.aborted && void this.#load(), LOAD_AGAIN_MS);
    }
  }

  /** A burst of events is one change of the list. */
  #receive(event: ApplicationEvent): void {
    this.#meanwhile?.push(event);
    this.#waiting.push(event);
    if (this.#waiting.length > 1) return;
    setTimeout(() => {
      const events = this.#waiting;
      this.#waiting = [];
      if (this.#closed.signal.aborted) return;
      store.update((state) => ({ ...state, byKey: applyEvents(state.byKey, events), asOf: Date.now() }));
    }, 60);
  }

  #hear(next: StreamState): void {
    const again = next.kind === "live" && this.#told.kind !== "live" && this.#wasLive;
    this.#wasLive ||= next.kind === "live";
    this.#told = next;
    this.#show(next);
    if (again) void this.#load();
  }

  #show(stream: StreamState): void {
    store.update((state) => ({
      ...state,
      stream,
      asOf: stream.kind === "lost" && state.asOf !== undefined ? (stream.heardAt ?? state.asOf) : state.asOf,
    }));
  }
}

/** Follow the applications as long as the component is mounted. */
export function useApplications(): Applications {
  useEffect(() => {
    if (watchers++ === 0) watch = new Watch();
    return () => {
      if (--watchers > 0) return;
      watch?.close();
      watch = undefined;
    };
  }, []);
  return useStore(store);
}

/** What is known already, without following it: for the first paint of a page. */
export const knownApplication = (key: string): Application | undefined => store.get().byKey.get(key);
export const knownApplications = (): readonly Application[] => [...store.get().byKey.values()];
