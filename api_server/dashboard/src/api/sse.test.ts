import { expect, test } from "vitest";
import { readEvents } from "./sse";

const stream = ': hello\n\ndata: {"result":1}\n\n:\n\ndata: {"result":2} \n\n';

test("events are read, comments are not", () => {
  expect(readEvents(stream)).toEqual({ events: ['{"result":1}', '{"result":2}'], rest: "" });
});

test("wherever the text is cut, the same events come out", () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = readEvents(stream.slice(0, cut));
    const second = readEvents(first.rest + stream.slice(cut));
    expect([...first.events, ...second.events]).toEqual(['{"result":1}', '{"result":2}']);
  }
});

test("a keep-alive of a single line joins the next event without spoiling it", () => {
  expect(readEvents(':\ndata: {"result":1}\n\n').events).toEqual(['{"result":1}']);
});

test("other line ends and several data lines", () => {
  expect(readEvents("data: a\r\ndata: b\r\n\r\n").events).toEqual(["a\nb"]);
});
