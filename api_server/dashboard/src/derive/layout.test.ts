import { describe, expect, test } from "vitest";
import { SIZE, layout, neighbour, visible } from "./layout";
import type { Branch } from "./tree";

const leaf = (id: string, ...children: Branch[]): Branch => ({
  id,
  kind: "resource",
  resource: undefined,
  members: [],
  children,
});
const tree = leaf("app", leaf("a", leaf("a1"), leaf("a2")), leaf("b"), leaf("c", leaf("c1", leaf("c2"))));
const drawn = layout(tree);
const place = (id: string) => drawn.nodes.find(({ branch }) => branch.id === id);

describe("places", () => {
  test("one column per depth", () => {
    const step = SIZE.width + SIZE.columnGap;
    expect([place("app")?.x, place("a")?.x, place("c2")?.x]).toEqual([
      SIZE.padding,
      SIZE.padding + step,
      SIZE.padding + 3 * step,
    ]);
  });
  test("a parent stands level with its first child", () => {
    expect(place("a")?.y).toBe(place("a1")?.y);
    expect(place("c")?.y).toBe(place("c2")?.y);
  });
  test("no two nodes touch", () => {
    for (const one of drawn.nodes) {
      for (const other of drawn.nodes) {
        if (one === other || one.x !== other.x) continue;
        expect(Math.abs(one.y - other.y)).toBeGreaterThanOrEqual(SIZE.height + SIZE.rowGap);
      }
    }
  });
  test("everything lies inside the sheet", () => {
    for (const { x, y } of drawn.nodes) {
      expect(x + SIZE.width + SIZE.padding).toBeLessThanOrEqual(drawn.width);
      expect(y + SIZE.height + SIZE.padding).toBeLessThanOrEqual(drawn.height);
    }
  });
  test("one edge for every child", () => {
    expect(drawn.edges.map(({ id }) => id).sort()).toEqual(
      ["app|a", "app|b", "app|c", "a|a1", "a|a2", "c1|c2", "c|c1"].sort(),
    );
  });
  test("nodes come in reading order", () => {
    expect(drawn.nodes.map(({ branch }) => branch.id)).toEqual(["app", "a", "a1", "a2", "b", "c", "c1", "c2"]);
  });
  test("a lone root still has a sheet", () => {
    expect(layout(leaf("app"))).toMatchObject({
      width: 2 * SIZE.padding + SIZE.width,
      height: 2 * SIZE.padding + SIZE.height,
    });
  });
});

describe("arrows", () => {
  test.each([
    ["a", "right", "a1"],
    ["a1", "left", "a"],
    ["a", "down", "b"],
    ["b", "up", "a"],
    ["a2", "down", "c1"],
    ["app", "left", undefined],
    ["c2", "right", undefined],
  ] as const)("from %s %s to %s", (from, direction, to) => {
    expect(neighbour(drawn, from, direction)).toBe(to);
  });
});

describe("a tree of thousands", () => {
  const many = leaf("app", ...Array.from({ length: 14_000 }, (_, index) => leaf(`n${index}`)));
  test("draws only what can be seen", () => {
    const big = layout(many);
    const seen = visible(big, { left: 0, top: 5000, right: 1400, bottom: 6000 });
    expect(seen.nodes.length).toBeLessThan(30);
    expect(seen.nodes.length).toBeGreaterThan(10);
    expect(seen.edges.length).toBeLessThan(30);
    expect(seen.edges.some(({ last }) => last)).toBe(true);
  });
});
