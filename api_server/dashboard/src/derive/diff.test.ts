import { describe, expect, test } from "vitest";
import { changedSpan, countOf, diffLines, hunks, sideBySide } from "./diff";

const shown = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: " ", removed: "-", added: "+" }[kind]}${text}`);

describe("lines", () => {
  test("equal texts have no difference", () => {
    expect(countOf(diffLines("a\nb", "a\nb"))).toEqual({ added: 0, removed: 0 });
  });
  test("a changed line is one removed and one added", () => {
    expect(shown("a\nb\nc", "a\nx\nc")).toEqual([" a", "-b", "+x", " c"]);
  });
  test("nothing against something is all added", () => {
    expect(shown("", "a\nb")).toEqual(["+a", "+b"]);
  });
  test("something against nothing is all removed", () => {
    expect(shown("a\nb", "")).toEqual(["-a", "-b"]);
  });
  test("the shortest script is found", () => {
    expect(countOf(diffLines("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc"))).toEqual({ added: 2, removed: 3 });
  });
  test("every line carries its number on its own side", () => {
    expect(diffLines("a\nb", "b\nc")).toEqual([
      { kind: "removed", text: "a", before: 1 },
      { kind: "same", text: "b", before: 2, after: 1 },
      { kind: "added", text: "c", after: 2 },
    ]);
  });
});

/** A small generator with a seed, so that a failure can be seen again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

test("a difference always rebuilds both texts, whatever they are", () => {
  const next = random(7);
  const text = () =>
    Array.from({ length: Math.floor(next() * 30) + 1 }, () => "abcde"[Math.floor(next() * 5)]).join("\n");
  for (let round = 0; round < 500; round++) {
    const [before, after] = [text(), text()];
    const lines = diffLines(before, after);
    expect(
      lines
        .filter(({ kind }) => kind !== "added")
        .map((line) => line.text)
        .join("\n"),
    ).toBe(before);
    expect(
      lines
        .filter(({ kind }) => kind !== "removed")
        .map((line) => line.text)
        .join("\n"),
    ).toBe(after);
  }
});

test("texts with nothing in common are still shown at once", () => {
  const [before, after] = ["a", "b"].map((letter) =>
    Array.from({ length: 6000 }, (_, line) => `${letter}${line}`).join("\n"),
  );
  expect(countOf(diffLines(before ?? "", after ?? ""))).toEqual({ added: 6000, removed: 6000 });
});

describe("hunks", () => {
  const lines = diffLines(
    Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n"),
    Array.from({ length: 30 }, (_, index) => (index === 15 ? "changed" : `line ${index}`)).join("\n"),
  );
  test("keep some lines around a change and fold the rest", () => {
    expect(hunks(lines, 3).map((hunk) => (hunk.kind === "gap" ? hunk.count : hunk.lines.length))).toEqual([12, 8, 11]);
  });
  test("never fold less than the mark takes", () => {
    expect(hunks(diffLines("a\nb\nc", "a\nb\nx"), 1).map(({ kind }) => kind)).toEqual(["lines", "lines"]);
  });
  test("lose no line", () => {
    const total = hunks(lines, 3).reduce(
      (sum, hunk) => sum + (hunk.kind === "gap" ? hunk.count : hunk.lines.length),
      0,
    );
    expect(total).toBe(lines.length);
  });
});

test("side by side, replaced lines face each other and the longer side goes on alone", () => {
  const rows = sideBySide(diffLines("a\nb\nc\nz", "a\nx\nz"));
  expect(rows.map(({ left, right }) => [left?.text, right?.text])).toEqual([
    ["a", "a"],
    ["b", "x"],
    ["c", undefined],
    ["z", "z"],
  ]);
});

test("the changed part of two facing lines is what lies between their common ends", () => {
  expect(changedSpan("image: api:1.8.2", "image: api:1.9.2")).toEqual({ from: 13, leftTo: 14, rightTo: 14 });
  expect(changedSpan("aa", "aaa")).toEqual({ from: 2, leftTo: 2, rightTo: 3 });
});
