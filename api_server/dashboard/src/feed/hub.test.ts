import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Hub, pauseBefore, type Listener } from "./hub";
import type { StreamState, Topic } from "./topics";

interface Asked {
  readonly id: string;
  readonly kind: string;
  readonly name?: string;
  readonly mark: string;
}

/** One connection of a scripted server: text can be sent, the stream can end. */
class Connection {
  readonly response: Response;
  readonly topics: Asked[];
  aborted = false;
  #sink: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(init: RequestInit, status = 200) {
    this.topics = (JSON.parse(String(init.body)) as { topics: Asked[] }).topics;
    const body = new ReadableStream<Uint8Array>({ start: (sink) => void (this.#sink = sink) });
    this.response = new Response(body, { status });
    init.signal?.addEventListener("abort", () => {
      this.aborted = true;
      this.#sink?.error(init.signal?.reason);
    });
  }

  send(text: string): void {
    this.#sink?.enqueue(new TextEncoder().encode(text));
  }

  tell(topic: Topic, result: unknown, mark = ""): void {
    const id = this.topics.find(({ kind, name }) => kind === topic.kind && name === topic.name)?.id;
    this.send(`event: ${id}\n${mark ? `id: ${mark}\n` : ""}data: ${JSON.stringify({ result })}\n\n`);
  }

  refuse(topic: Topic, status: number): void {
    const id = this.topics.find(({ kind }) => kind === topic.kind)?.id;
    this.send(`event: ${id}\ndata: {"error":{"http_code":${status},"message":"no"}}\n\n`);
  }

  end(): void {
    this.#sink?.close();
  }
}

const LIST: Topic = { kind: "applications" };
const WEB: Topic = { kind: "application", name: "web" };
const TREE: Topic = { kind: "tree", name: "web" };

let connections: Connection[];
let answer: (init: RequestInit) => Connection | Error;
let over: number;
let hub: Hub;

beforeEach(() => {
  vi.useFakeTimers();
  connections = [];
  over = 0;
  answer = (init) => new Connection(init);
  hub = new Hub("http://tiphys/api/v1/stream", () => void over++);
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    const connection = answer(init);
    if (connection instanceof Error) return Promise.reject(connection);
    connections.push(connection);
    return Promise.resolve(connection.response);
  });
});
afterEach(() => {
  hub.reset();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms);
const newest = () => connections.at(-1) as Connection;

async function live(): Promise<Connection> {
  await settle();
  newest().send(":\n\n");
  await settle(1);
  return newest();
}

function follower() {
  const events: string[] = [];
  const states: StreamState[] = [];
  const refusals: number[] = [];
  const listener: Listener = {
    event: (data) => events.push(JSON.stringify((JSON.parse(data) as { result: unknown }).result)),
    state: (state) => states.push(state),
    refused: ({ status }) => refusals.push(status),
  };
  return { events, states, refusals, listener, kinds: () => states.map(({ kind }) => kind) };
}

test("many topics, one connection", async () => {
  const tabs = Array.from({ length: 8 }, () => follower());
  tabs.forEach(({ listener }, index) => {
    hub.follow({ kind: "application", name: `app-${index}` }, "", listener);
    hub.follow({ kind: "tree", name: `app-${index}` }, "", listener);
  });
  await live();
  expect(connections).toHaveLength(1);
  expect(newest().topics).toHaveLength(16);
  newest().tell({ kind: "application", name: "app-3" }, { a: ":1" });
  await settle();
  expect(tabs.map(({ events }) => events.length)).toEqual([0, 0, 0, 1, 0, 0, 0, 0]);
  expect(tabs[3]?.kinds()).toEqual(["live", "live"]);
});

test("who joins a topic is shown its latest state at once, over the connection there is", async () => {
  hub.follow(WEB, "", follower().listener);
  (await live()).tell(WEB, 1, "10");
  await settle();
  const second = follower();
  hub.follow(WEB, "", second.listener);
  expect(second.events).toEqual(["1"]);
  await settle();
  expect(connections).toHaveLength(1);
});

test("a change of topics is one new connection that goes on from the marks, and nobody thinks it lost", async () => {
  const first = follower();
  hub.follow(LIST, "5", first.listener);
  (await live()).tell(LIST, 1, "9");
  await settle();
  hub.follow(WEB, "", follower().listener);
  hub.follow(TREE, "", follower().listener);
  await live();
  expect(connections).toHaveLength(2);
  expect(connections[0]?.aborted).toBe(true);
  expect(newest().topics.map(({ kind, mark }) => [kind, mark])).toEqual([
    ["applications", "9"],
    ["application", ""],
    ["tree", ""],
  ]);
  expect(first.kinds()).toEqual(["live"]);
});

test("a newcomer who knows less of a list is told the rest, one who knows more is told nothing again", async () => {
  hub.follow(LIST, "5", follower().listener);
  (await live()).tell(LIST, 1, "100");
  await settle();
  hub.follow(LIST, "100", follower().listener);
  hub.follow(LIST, "120", follower().listener);
  await settle();
  expect(connections).toHaveLength(1);
  hub.follow(LIST, "99", follower().listener);
  await settle();
  expect(newest().topics[0]?.mark).toBe("99");
});

test("the last who leaves closes the connection, the last but one does not", async () => {
  const leave = [follower(), follower()].map(({ listener }) => hub.follow(WEB, "", listener));
  await live();
  leave[0]?.();
  await settle();
  expect(newest().aborted).toBe(false);
  leave[1]?.();
  await settle();
  expect(newest().aborted).toBe(true);
  expect([connections.length, hub.topics]).toEqual([1, 0]);
});

test("an ended stream is lost, then opened again after a pause, from where it was", async () => {
  const { states, kinds, listener } = follower();
  hub.follow(WEB, "", listener);
  (await live()).tell(WEB, 1, "7");
  await settle();
  newest().end();
  await settle(1);
  expect(kinds()).toEqual(["live", "lost"]);
  expect(states.at(-1)).toMatchObject({ reason: "The server ended the stream." });
  await settle(pauseBefore(0));
  expect(newest().topics[0]?.mark).toBe("7");
  await live();
  expect(kinds().at(-1)).toBe("live");
});

test("silence is a dead connection, and it is said since when", async () => {
  const { states, kinds, listener } = follower();
  hub.follow(WEB, "", listener);
  await live();
  await settle(10_000);
  newest().send(":\n\n");
  await settle(1);
  const heard = Date.now();
  await settle(15_000);
  expect(kinds()).toEqual(["live"]);
  await settle(1_100);
  expect(kinds()).toEqual(["live", "lost"]);
  const lost = states.at(-1) as Extract<StreamState, { kind: "lost" }>;
  expect(heard - (lost.heardAt ?? 0)).toBeLessThan(10);
});

test("pauses grow, and end with the first success", async () => {
  let tried = 0;
  answer = () => {
    tried++;
    return new TypeError("refused");
  };
  const { kinds, listener } = follower();
  hub.follow(WEB, "", listener);
  await settle(30 + 500 + 1000 + 2000 + 10);
  expect(tried).toBe(4);
  answer = (init) => new Connection(init);
  await settle(4000);
  await live();
  expect(kinds().at(-1)).toBe("live");
  newest().end();
  await settle(600);
  expect(connections).toHaveLength(2);
});

test("who does not want to wait for the pause tries at once", async () => {
  answer = () => new TypeError("refused");
  hub.follow(WEB, "", follower().listener);
  await settle(4000);
  answer = (init) => new Connection(init);
  hub.retry();
  await settle(1);
  expect(connections).toHaveLength(1);
});

test("a refused topic is told so and tried again by itself; the others never notice", async () => {
  const [web, tree] = [follower(), follower()];
  hub.follow(WEB, "", web.listener);
  hub.follow(TREE, "", tree.listener);
  (await live()).refuse(TREE, 403);
  await settle(1);
  expect(tree.refusals).toEqual([403]);
  expect(tree.kinds().at(-1)).toBe("lost");
  await settle(pauseBefore(1));
  expect(newest().topics.map(({ kind }) => kind)).toEqual(["application", "tree"]);
  await live();
  expect(tree.kinds().at(-1)).toBe("lost");
  newest().tell(TREE, { nodes: [] }, "ab");
  await settle();
  expect(tree.kinds().at(-1)).toBe("live");
  expect(web.kinds()).toEqual(["live"]);
});

test("a topic that fails for now is lost and not refused", async () => {
  const tree = follower();
  hub.follow(TREE, "", tree.listener);
  (await live()).refuse(TREE, 503);
  await settle(1);
  expect(tree.refusals).toEqual([]);
  expect(tree.kinds()).toEqual(["live", "lost"]);
});

test.each([
  ["when connecting", async () => void (answer = (init) => new Connection(init, 401))],
  ["in the middle", async () => (await live()).send('data: {"error":{"http_code":401,"message":"revoked"}}\n\n')],
])("the end of the session, noticed %s, ends everything", async (_, end) => {
  hub.follow(WEB, "", follower().listener);
  await end();
  await settle(100_000);
  expect([over, hub.topics]).toEqual([1, 0]);
  expect(connections).toHaveLength(1);
});

test("after a reset nothing of what was known is shown to whoever follows next", async () => {
  hub.follow(WEB, "", follower().listener);
  (await live()).tell(WEB, "of the one before", "1");
  await settle();
  hub.reset();
  const next = follower();
  hub.follow(WEB, "", next.listener);
  await live();
  expect(next.events).toEqual([]);
  expect(newest().topics[0]?.mark).toBe("");
});
