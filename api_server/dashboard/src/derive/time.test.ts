import { describe, expect, test } from "vitest";
import { ago, span, took } from "./time";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const before = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe("ago", () => {
  test.each([
    [0, "just now"],
    [4, "just now"],
    [5, "5 s ago"],
    [59, "59 s ago"],
    [60, "1 min ago"],
    [3599, "59 min ago"],
    [3600, "1 h ago"],
    [86400 * 2, "2 d ago"],
    [86400 * 40, "1 mo ago"],
    [86400 * 800, "2 y ago"],
  ])("%i seconds before now is %s", (seconds, words) => {
    expect(ago(before(seconds), NOW)).toBe(words);
  });

  test("a server clock that runs ahead is no future", () => {
    expect(ago(before(-30), NOW)).toBe("just now");
  });

  test.each([undefined, null, "", "yesterday"])("%s is never", (text) => {
    expect(ago(text, NOW)).toBe("never");
  });
});

test("a negative length is nothing", () => {
  expect(span(-3)).toBe("0 s");
});

describe("took", () => {
  test("from start to finish", () => {
    expect(took("2026-11-23T11:58:00Z", "2026-11-23T11:59:05Z", NOW)).toBe("1 min 5 s");
  });
  test("from start to now while it lasts", () => {
    expect(took("2026-11-23T11:59:48Z", null, NOW)).toBe("12 s");
  });
  test("unknown without a start", () => {
    expect(took(null, "2026-11-23T11:59:05Z", NOW)).toBe("");
  });
  test("less than the record can tell", () => {
    expect(took("2026-11-23T11:59:59Z", "2026-11-23T11:59:59Z", NOW)).toBe("under 1 s");
  });
  test("hours", () => {
    expect(took("2026-11-23T09:30:00Z", null, NOW)).toBe("2 h 30 min");
  });
});
