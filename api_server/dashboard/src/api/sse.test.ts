import { expect, test } from "vitest";
import { readEvents } from "./sse";

const stream = ': hello\n\nevent: web\nid: 12\ndata: {"result":1}\n\n:\n\ndata: {"result":2} \n\n';
const dataOf = (text: string) => readEvents(text).events.map(({ data }) => data);

test("events are read, comments are not", () => {
  expect(readEvents(stream)).toEqual({
    events: [
      { name: "web", id: "12", data: '{"result":1}' },
      { name: "", id: "", data: '{"result":2}' },
    ],
    rest: "",
  });
});

test("wherever the text is cut, the same events come out", () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = readEvents(stream.slice(0, cut));
    const second = readEvents(first.rest + stream.slice(cut));
    expect([...first.events, ...second.events]).toEqual(readEvents(stream).events);
  }
});

test("a keep-alive of a single line joins the next event without spoiling it", () => {
  expect(dataOf(':\ndata: {"result":1}\n\n')).toEqual(['{"result":1}']);
});

test("other line ends and several data lines", () => {
  expect(dataOf("data: a\r\ndata: b\r\n\r\n")).toEqual(["a\nb"]);
});
