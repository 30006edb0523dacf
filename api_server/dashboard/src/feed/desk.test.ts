import { expect, test, vi } from "vitest";
import { Desk } from "./desk";
import { Hub } from "./hub";
import type { Reply } from "./topics";

function aDesk() {
  const said: Reply[] = [];
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  const hub = new Hub("http://tiphys/api/v1/stream", () => desk.over());
  const desk: Desk = new Desk(hub, (reply) => said.push(reply));
  return { hub, desk, said };
}

const WEB = { kind: "application", name: "web" } as const;

test("a tab that says goodbye follows nothing any more", () => {
  const { hub, desk } = aDesk();
  desk.hear({ do: "follow", id: 1, topic: WEB, mark: "" });
  desk.hear({ do: "follow", id: 2, topic: { kind: "applications" }, mark: "" });
  expect(hub.topics).toBe(2);
  desk.hear({ do: "bye" });
  expect(hub.topics).toBe(0);
  desk.hear({ do: "ping" });
});

test("a tab that was thought gone is told so at its next ping, once", () => {
  const { hub, desk, said } = aDesk();
  desk.hear({ do: "follow", id: 1, topic: WEB, mark: "" });
  desk.leave({ silently: false });
  expect(hub.topics).toBe(0);
  desk.hear({ do: "ping" });
  desk.hear({ do: "ping" });
  expect(said.map(({ say }) => say)).toEqual(["pong", "forgotten", "pong"]);
});

test("a topic followed again under the same number is followed once", () => {
  const { hub, desk } = aDesk();
  desk.hear({ do: "follow", id: 1, topic: WEB, mark: "" });
  desk.hear({ do: "follow", id: 1, topic: WEB, mark: "" });
  desk.hear({ do: "unfollow", id: 1 });
  expect(hub.topics).toBe(0);
});

test("the end of the session reaches the tab", () => {
  const { desk, said } = aDesk();
  desk.hear({ do: "follow", id: 1, topic: WEB, mark: "" });
  desk.hear({ do: "reset" });
  expect(said.at(-1)).toEqual({ say: "over" });
});
