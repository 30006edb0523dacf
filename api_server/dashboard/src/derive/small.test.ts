import { expect, test } from "vitest";
import { kindFamily, kindMark } from "./kinds";
import { connectionTone, phaseTone, verdictTone } from "./tone";
import { rowWindow, scrollToRow } from "./window";

test("kinds are marked as kubectl abbreviates them, unknown ones by their capitals", () => {
  expect(["Deployment", "HTTPRoute", "SealedSecret", "Widget"].map(kindMark)).toEqual(["dep", "htt", "ss", "wid"]);
  expect([kindFamily("Pod"), kindFamily("Secret"), kindFamily("Widget")]).toEqual(["workload", "config", "other"]);
});

test("of a thousand rows only those in sight and a few around are drawn", () => {
  expect(rowWindow(0, 800, 40, 1000)).toEqual({ first: 0, end: 28 });
  expect(rowWindow(20_000, 800, 40, 1000)).toEqual({ first: 492, end: 528 });
  expect(rowWindow(39_200, 800, 40, 1000)).toEqual({ first: 972, end: 1000 });
});

test("a list that became shorter than the scroll position is drawn from its end", () => {
  const { first, end } = rowWindow(39_200, 800, 40, 5);
  expect(first).toBeLessThanOrEqual(end);
  expect(end).toBe(5);
});

test("a row in sight does not move the list; others just enough", () => {
  expect(scrollToRow(3, 0, 800, 40, 32)).toBe(0);
  expect(scrollToRow(30, 0, 800, 40, 32)).toBe(30 * 40 + 40 + 32 - 800);
  expect(scrollToRow(2, 400, 800, 40, 32)).toBe(80);
});

test("unknown is never green", () => {
  expect([phaseTone(""), connectionTone(undefined), connectionTone("Unknown")]).toEqual(["none", "none", "none"]);
  expect([phaseTone("Error"), connectionTone("Failed")]).toEqual(["bad", "bad"]);
});

test("unknown beside an error is red, and only grey where nobody has looked yet", () => {
  expect([verdictTone("none", "Unknown", true), verdictTone("none", "Unknown", false)]).toEqual(["bad", "none"]);
});
