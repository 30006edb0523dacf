/**
 * A stream of server-sent events that survives: reconnects with growing pauses, notices a silent
 * connection, and lets go while the tab is hidden (a browser gives one host six connections).
 * Read with fetch, not EventSource, because only so are status codes and keep-alives visible.
 */

import { apiUrl, refusal, wordsOf, ApiError } from "./http";
import { readEvents } from "./sse";

export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly reason: string; readonly retryAt: number };

export interface StreamOptions<T> {
  /** Called before every connection: brings the state up to date and says where to go on from. */
  readonly open: (signal: AbortSignal) => Promise<string>;
  readonly receive: (result: T) => void;
  readonly state: (state: StreamState) => void;
}

export interface Stream {
  readonly close: () => void;
  /** Do not wait for the next attempt. */
  readonly retry: () => void;
}

// The server says something at least every 15 s; twice that in silence is a dead connection.
const SILENCE_MS = 35_000;
const HIDDEN_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

export function openStream<T>(options: StreamOptions<T>): Stream {
  let closed = false;
  let attempt = 0;
  let connection = new AbortController();
  let wake: () => void = () => undefined;

  const waited = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function connectOnce(): Promise<void> {
    connection = new AbortController();
    const path = await options.open(connection.signal);
    await readAll<T>(path, connection, options.receive, () => {
      attempt = 0;
      options.state({ kind: "live" });
    });
  }

  async function run(): Promise<void> {
    options.state({ kind: "connecting" });
    while (!closed) {
      let reason = "The server ended the stream.";
      try {
        await whenVisible();
        await connectOnce();
      } catch (error) {
        reason = wordsOf(error);
        if (error instanceof ApiError && error.unauthenticated) return;
      }
      if (closed) return;
      if (document.hidden) {
        options.state({ kind: "connecting" });
        continue;
      }
      const pause = pauseBefore(attempt++);
      options.state({ kind: "lost", reason, retryAt: Date.now() + pause });
      await waited(pause);
    }
  }

  const stopWatchingTab = letGoWhileHidden(() => connection.abort());
  void run();
  return {
    close: () => {
      closed = true;
      stopWatchingTab();
      connection.abort();
      wake();
    },
    retry: () => wake(),
  };
}

function letGoWhileHidden(letGo: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(letGo, HIDDEN_MS);
  };
  document.addEventListener("visibilitychange", changed);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", changed);
  };
}

function whenVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const changed = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", changed);
      resolve();
    };
    document.addEventListener("visibilitychange", changed);
  });
}

async function readAll<T>(
  path: string,
  connection: AbortController,
  receive: (result: T) => void,
  opened: () => void,
): Promise<void> {
  const giveUp = () => connection.abort(new Error("Nothing was heard from the server."));
  let silence = setTimeout(giveUp, SILENCE_MS);
  try {
    const response = await fetch(apiUrl(path), {
      headers: { accept: "text/event-stream" },
      credentials: "same-origin",
      signal: connection.signal,
    });
    if (!response.ok || !response.body) throw await refusal(response);
    opened();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(giveUp, SILENCE_MS);
      const reading = readEvents(rest + value);
      rest = reading.rest;
      for (const event of reading.events) receive(resultOf<T>(event));
    }
  } finally {
    clearTimeout(silence);
  }
}

function resultOf<T>(data: string): T {
  const message = JSON.parse(data) as { result?: T; error?: { message?: string } };
  if (message.error) throw new Error(message.error.message ?? "The stream failed.");
  if (message.result === undefined) throw new Error("The stream sent an event without a result.");
  return message.result;
}
