/**
 * A tab's way to what the server tells: through the worker that all tabs of a browser share, or, where there
 * is none or it does not answer, over a connection of its own. A hidden tab lets go, and catches up when seen.
 */

import { apiUrl } from "../api/http";
import { Desk } from "./desk";
import { Hub } from "./hub";
import type { Refusal, Reply, Request, StreamState, Topic } from "./topics";

export interface Wanted {
  readonly topic: Topic;
  /** From where to go on. */
  readonly mark?: string;
  readonly event: (data: string) => void;
  readonly state: (state: StreamState) => void;
  readonly refused?: (refusal: Refusal) => void;
}

export interface Following {
  readonly close: () => void;
}

export interface Line {
  readonly send: (request: Request) => void;
}

const PING_MS = 10_000;
const UNANSWERED = 3;
const HIDDEN_MS = 30_000;
// Without the worker every tab has its own connection, and a browser has only six.
const HIDDEN_ALONE_MS = 1_000;

let onOver: () => void = () => undefined;
export const whenOver = (listener: () => void): void => {
  onOver = listener;
};

const wanted = new Map<number, Wanted & { mark: string }>();
let lastId = 0;
let line: Line | undefined;
let shared = false;
let away = false;
let unanswered = 0;

export function follow(asked: Wanted): Following {
  const id = ++lastId;
  const kept = { ...asked, mark: asked.mark ?? "" };
  wanted.set(id, kept);
  if (!away) connected().send({ do: "follow", id, topic: kept.topic, mark: kept.mark });
  return {
    close: () => {
      if (wanted.delete(id) && !away) line?.send({ do: "unfollow", id });
    },
  };
}

/** Do not wait for the next attempt. */
export const retryNow = (): void => line?.send({ do: "retry" });

/** After a logout: what is known must not be shown to whoever logs in next, in any tab. */
export const forgetAll = (): void => line?.send({ do: "reset" });

function connected(): Line {
  if (line) return line;
  line = throughWorker() ?? alone();
  watchTab();
  return line;
}

function throughWorker(): Line | undefined {
  if (typeof SharedWorker === "undefined") return undefined;
  try {
    const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name: "tiphys" });
    worker.onerror = () => goAlone();
    worker.port.onmessage = ({ data }: MessageEvent<Reply>) => hear(data);
    const send = (request: Request) => worker.port.postMessage(request);
    send({ do: "hello", url: streamUrl() });
    shared = true;
    return { send };
  } catch {
    return undefined;
  }
}

const streamUrl = (): string => apiUrl("/api/v1/stream");

function alone(): Line {
  shared = false;
  const hub = new Hub(streamUrl(), () => desk.over());
  // As with a worker, nothing is answered before the question has been put.
  const desk: Desk = new Desk(hub, (reply) => queueMicrotask(() => hear(reply)));
  window.addEventListener("online", () => hub.retry());
  return { send: desk.hear };
}

function goAlone(): void {
  if (!shared) return;
  line?.send({ do: "bye" });
  line = alone();
  followAll();
}

function followAll(): void {
  for (const [id, { topic, mark }] of wanted) line?.send({ do: "follow", id, topic, mark });
}

function hear(reply: Reply): void {
  if (reply.say === "pong") unanswered = 0;
  else if (reply.say === "forgotten") followAll();
  else if (reply.say === "over") {
    wanted.clear();
    onOver();
  } else tell(reply);
}

function tell(reply: Extract<Reply, { id: number }>): void {
  const one = wanted.get(reply.id);
  if (!one || away) return;
  if (reply.say === "state") one.state(reply.state);
  else if (reply.say === "refused") one.refused?.(reply.refusal);
  else {
    one.mark = reply.mark;
    one.event(reply.data);
  }
}

function watchTab(): void {
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const leave = () => {
    if (away) return;
    away = true;
    line?.send({ do: "bye" });
    for (const one of wanted.values()) one.state({ kind: "connecting" });
  };
  const comeBack = () => {
    clearTimeout(hidden);
    if (!away) return;
    away = false;
    unanswered = 0;
    followAll();
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(leave, shared ? HIDDEN_MS : HIDDEN_ALONE_MS);
    else comeBack();
  });
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", comeBack);
  document.addEventListener("freeze", leave);
  document.addEventListener("resume", () => !document.hidden && comeBack());
  setInterval(() => {
    if (away || !shared) return;
    if (unanswered >= UNANSWERED) return goAlone();
    unanswered++;
    line?.send({ do: "ping" });
  }, PING_MS);
}
