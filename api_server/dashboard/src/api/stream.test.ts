// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openStream, pauseBefore, type Stream, type StreamState } from "./stream";

/** One connection of a scripted server: text can be sent, the stream can end. */
class Connection {
  readonly response: Response;
  #sink: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(status = 200) {
    const body = new ReadableStream<Uint8Array>({
      start: (sink) => {
        this.#sink = sink;
      },
    });
    this.response = new Response(body, { status });
  }

  send(text: string): void {
    this.#sink?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#sink?.close();
  }

  fail(reason: unknown): void {
    this.#sink?.error(reason);
  }
}

let connections: Connection[];
let next: () => Connection | Error;
let stream: Stream | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  connections = [];
  next = () => new Connection();
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    const connection = next();
    if (connection instanceof Error) return Promise.reject(connection);
    connections.push(connection);
    init.signal?.addEventListener("abort", () => connection.fail(init.signal?.reason));
    return Promise.resolve(connection.response);
  });
});
afterEach(() => {
  stream?.close();
  stream = undefined;
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function follow() {
  const received: unknown[] = [];
  const states: StreamState["kind"][] = [];
  const open = vi.fn(async () => "/api/v1/stream/applications");
  stream = openStream<unknown>({
    open,
    receive: (result) => received.push(result),
    state: ({ kind }) => states.push(kind),
  });
  return { received, states, open };
}

const settle = () => vi.advanceTimersByTimeAsync(1);

test("results arrive whole, however they are cut", async () => {
  const { received, states } = follow();
  await settle();
  connections[0]?.send('data: {"result":{"a"');
  connections[0]?.send(":1}}\n\n:\n\n");
  await settle();
  expect(received).toEqual([{ a: 1 }]);
  expect(states).toEqual(["connecting", "live"]);
});

test("an ended stream is lost, then opened again after a pause, with a fresh start", async () => {
  const { states, open } = follow();
  await settle();
  connections[0]?.end();
  await settle();
  expect(states.at(-1)).toBe("lost");
  expect(open).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(pauseBefore(0));
  expect(open).toHaveBeenCalledTimes(2);
  expect(states.at(-1)).toBe("live");
});

test("silence is a dead connection", async () => {
  const { states } = follow();
  await settle();
  await vi.advanceTimersByTimeAsync(20_000);
  connections[0]?.send(":\n\n");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(states.at(-1)).toBe("live");
  await vi.advanceTimersByTimeAsync(5_100);
  expect(states).toContain("lost");
});

test("pauses grow, and end with the first success", async () => {
  next = () => new TypeError("refused");
  const { states, open } = follow();
  await settle();
  await vi.advanceTimersByTimeAsync(500 + 1000 + 2000);
  expect(open).toHaveBeenCalledTimes(4);
  next = () => new Connection();
  await vi.advanceTimersByTimeAsync(4000);
  expect(states.at(-1)).toBe("live");
  connections[0]?.end();
  await vi.advanceTimersByTimeAsync(600);
  expect(open).toHaveBeenCalledTimes(6);
});

test("a person need not wait for the pause", async () => {
  next = () => new TypeError("refused");
  const { open } = follow();
  await settle();
  stream?.retry();
  await settle();
  expect(open).toHaveBeenCalledTimes(2);
});

test("a session that ended is not asked for again and again", async () => {
  next = () => new Connection(401);
  const { open } = follow();
  await settle();
  connections[0]?.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open).toHaveBeenCalledTimes(1);
});

test("an error inside the stream ends it, with the server's words as the reason", async () => {
  const reasons: string[] = [];
  stream = openStream({
    open: async () => "/x",
    receive: () => undefined,
    state: (state) => state.kind === "lost" && reasons.push(state.reason),
  });
  await settle();
  connections[0]?.send('data: {"error":{"http_code":503,"message":"the controller does not answer"}}\n\n');
  await settle();
  expect(reasons).toEqual(["the controller does not answer"]);
});

test("a closed stream stays closed", async () => {
  const { open } = follow();
  await settle();
  stream?.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open).toHaveBeenCalledTimes(1);
});

test("pauses are never longer than a quarter of a minute", () => {
  expect([0, 1, 2, 20].map(pauseBefore)).toEqual([500, 1000, 2000, 15_000]);
});
