/**
 * Follows topics for any number of listeners over one connection, and keeps it: opens it anew whenever the
 * topics change, after growing pauses when it breaks, and when nothing is heard. It knows no topic's content.
 */

import { readEvents, type SseEvent } from "../api/sse";
import { earlier, isWhole, keyOfTopic, type Refusal, type StreamState, type Topic } from "./topics";

export interface Listener {
  readonly event: (data: string, mark: string) => void;
  readonly state: (state: StreamState) => void;
  readonly refused: (refusal: Refusal) => void;
}

interface Entry {
  readonly id: string;
  readonly topic: Topic;
  readonly listeners: Set<Listener>;
  /** From where to go on. */
  mark: string;
  /** The latest event of a topic that is told whole. */
  last: string | undefined;
  /** Runs while the topic, having failed on its own, is left out. */
  pause: ReturnType<typeof setTimeout> | undefined;
  /** How often it failed since it was last told of; its listeners think it lost while this is not 0. */
  failures: number;
}

// The server says something every 5 s; three times that in silence is a dead connection.
const SILENCE_MS = 16_000;
const SETTLE_MS = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const NEVER_ALLOWED = new Set([400, 403, 404]);

export function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

export class Hub {
  readonly #url: string;
  readonly #over: () => void;
  readonly #entries = new Map<string, Entry>();
  #state: StreamState = { kind: "connecting" };
  #connection: AbortController | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #lastId = 0;
  #heardAt: number | undefined;

  /** `over` is told when the session has ended. */
  constructor(url: string, over: () => void) {
    this.#url = url;
    this.#over = over;
  }

  follow(topic: Topic, mark: string, listener: Listener): () => void {
    const key = keyOfTopic(topic);
    const known = this.#entries.get(key);
    const entry = known ?? this.#added(key, topic, mark);
    entry.listeners.add(listener);
    if (known) this.#welcome(known, mark, listener);
    else this.#openSoon(SETTLE_MS);
    return () => this.#leave(key, listener);
  }

  /** Do not wait for the next attempt. */
  retry(): void {
    for (const entry of this.#entries.values()) this.#forgive(entry);
    if (this.#entries.size > 0) this.#openSoon(0);
  }

  /** Drops every topic; the listeners are told that the session is over. */
  reset(): void {
    for (const entry of this.#entries.values()) clearTimeout(entry.pause);
    this.#entries.clear();
    this.#close();
    this.#over();
  }

  get topics(): number {
    return this.#entries.size;
  }

  #added(key: string, topic: Topic, mark: string): Entry {
    const entry: Entry = {
      id: `t${++this.#lastId}`,
      topic,
      listeners: new Set(),
      // Who is told the whole begins with the whole: his mark is of no use to those who come later.
      mark: isWhole(topic) ? "" : mark,
      last: undefined,
      pause: undefined,
      failures: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #welcome(entry: Entry, mark: string, listener: Listener): void {
    listener.state(this.#state);
    if (entry.pause !== undefined) {
      this.#forgive(entry);
      this.#openSoon(SETTLE_MS);
    }
    if (isWhole(entry.topic)) {
      if (entry.last !== undefined) listener.event(entry.last, entry.mark);
      return;
    }
    const from = earlier(mark, entry.mark);
    if (from === entry.mark) return;
    // The newcomer knows less than the others: what he lacks is told again to all, who do not mind.
    entry.mark = from;
    this.#openSoon(SETTLE_MS);
  }

  #leave(key: string, listener: Listener): void {
    const entry = this.#entries.get(key);
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return;
    clearTimeout(entry.pause);
    this.#entries.delete(key);
    if (this.#entries.size === 0) this.#close();
    else this.#openSoon(SETTLE_MS);
  }

  #forgive(entry: Entry): void {
    clearTimeout(entry.pause);
    entry.pause = undefined;
  }

  #close(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#connection?.abort();
    this.#connection = undefined;
    this.#state = { kind: "connecting" };
    this.#attempt = 0;
  }

  /** Several changes at once are one new connection. */
  #openSoon(ms: number): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      void this.#open();
    }, ms);
  }

  async #open(): Promise<void> {
    this.#connection?.abort();
    const connection = new AbortController();
    this.#connection = connection;
    const wanted = [...this.#entries.values()].filter(({ pause }) => pause === undefined);
    if (wanted.length === 0) return;
    let reason = "The server ended the stream.";
    try {
      await this.#read(wanted, connection);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    // Another connection has taken over, or nobody wants one any more.
    if (this.#connection !== connection) return;
    const pause = pauseBefore(this.#attempt++);
    this.#tell({ kind: "lost", reason, retryAt: Date.now() + pause, heardAt: this.#heardAt });
    this.#openSoon(pause);
  }

  async #read(wanted: readonly Entry[], connection: AbortController): Promise<void> {
    const giveUp = () => connection.abort(new Error("Nothing was heard from the server."));
    let silence = setTimeout(giveUp, SILENCE_MS);
    const heard = () => {
      clearTimeout(silence);
      if (this.#connection !== connection) return;
      silence = setTimeout(giveUp, SILENCE_MS);
      this.#heardAt = Date.now();
      this.#attempt = 0;
      if (this.#state.kind !== "live") this.#tell({ kind: "live" });
      for (const entry of wanted) if (!isWhole(entry.topic)) this.#recovered(entry);
    };
    try {
      const response = await this.#ask(wanted, connection.signal);
      if (response.status === 401) return this.reset();
      if (!response.ok || !response.body) throw new Error(await wordsOf(response));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#connection !== connection) return;
        heard();
        const reading = readEvents(rest + value);
        rest = reading.rest;
        for (const event of reading.events) this.#dispatch(event);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  async #ask(wanted: readonly Entry[], signal: AbortSignal): Promise<Response> {
    const topics = wanted.map(({ id, topic, mark }) => ({ id, ...topic, mark }));
    try {
      return await fetch(this.#url, {
        method: "POST",
        headers: { accept: "text/event-stream", "content-type": "application/json" },
        credentials: "same-origin",
        body: JSON.stringify({ topics }),
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new Error("The server cannot be reached.", { cause: error });
    }
  }

  #dispatch({ name, id, data }: SseEvent): void {
    const entry = [...this.#entries.values()].find((one) => one.id === name);
    if (data.startsWith('{"result":')) {
      if (!entry) return;
      this.#recovered(entry);
      if (id) entry.mark = id;
      if (isWhole(entry.topic)) entry.last = data;
      for (const listener of [...entry.listeners]) listener.event(data, entry.mark);
      return;
    }
    const { error } = JSON.parse(data) as { error?: { http_code?: number; message?: string } };
    const refusal = { status: error?.http_code ?? 0, message: error?.message ?? "The server ended the stream." };
    if (refusal.status === 401) return this.reset();
    if (name === "") throw new Error(refusal.message);
    if (entry) this.#fail(entry, refusal);
  }

  /** One topic cannot be told: it is tried again by itself, the others go on. */
  #fail(entry: Entry, refusal: Refusal): void {
    const pause = pauseBefore(++entry.failures);
    entry.pause = setTimeout(() => {
      this.#forgive(entry);
      this.#openSoon(0);
    }, pause);
    entry.last = undefined;
    if (isWhole(entry.topic)) entry.mark = "";
    const lost = {
      kind: "lost",
      reason: refusal.message,
      retryAt: Date.now() + pause,
      heardAt: this.#heardAt,
    } as const;
    for (const listener of [...entry.listeners]) {
      if (NEVER_ALLOWED.has(refusal.status)) listener.refused(refusal);
      listener.state(lost);
    }
  }

  #recovered(entry: Entry): void {
    if (entry.failures === 0 || entry.pause !== undefined) return;
    entry.failures = 0;
    for (const listener of [...entry.listeners]) listener.state(this.#state);
  }

  #tell(state: StreamState): void {
    this.#state = state;
    for (const { listeners, failures } of this.#entries.values()) {
      if (failures > 0 && state.kind === "live") continue;
      for (const listener of [...listeners]) listener.state(state);
    }
  }
}

async function wordsOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { message } = JSON.parse(text) as { message?: string };
    if (message) return message;
  } catch {
    // Not ours: a proxy's page.
  }
  return `The server answered ${response.status} ${response.statusText}`.trim() + ".";
}
