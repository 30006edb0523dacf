/** Places a tree from left to right: one column per depth, leaves one below the other, parents beside their children. */

import type { Branch } from "./tree";

export interface Size {
  readonly width: number;
  readonly height: number;
  readonly columnGap: number;
  readonly rowGap: number;
  readonly padding: number;
}

export const SIZE: Size = { width: 252, height: 46, columnGap: 48, rowGap: 10, padding: 24 };

export interface Placed {
  readonly branch: Branch;
  readonly x: number;
  readonly y: number;
  readonly depth: number;
  readonly parent: string | undefined;
}

export interface Edge {
  readonly id: string;
  readonly path: string;
  readonly top: number;
  readonly bottom: number;
  /** Where it ends at the child. */
  readonly end: number;
  /** The last child's edge covers what those of its siblings have in common. */
  readonly last: boolean;
}

export interface Layout {
  readonly nodes: readonly Placed[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
}

export function layout(root: Branch, size: Size = SIZE): Layout {
  const nodes: Placed[] = [];
  const edges: Edge[] = [];
  let nextRow = size.padding;
  let deepest = 0;

  /** Places a branch and everything below it; answers its own y. */
  function place(branch: Branch, depth: number, parent: string | undefined): number {
    deepest = Math.max(deepest, depth);
    const x = size.padding + depth * (size.width + size.columnGap);
    const ys = branch.children.map((child) => place(child, depth + 1, branch.id));
    const y = ys.length > 0 ? besideChildren(ys, depth) : takeRow();
    nodes.push({ branch, x, y, depth, parent });
    branch.children.forEach((child, index) => {
      const last = index === branch.children.length - 1;
      edges.push({ ...edge(x + size.width, y, ys[index] ?? y, size), id: `${branch.id}|${child.id}`, last });
    });
    return y;
  }

  function takeRow(): number {
    const y = nextRow;
    nextRow += size.height + size.rowGap;
    return y;
  }

  // The root stays at the top, in sight; all others stand level with the first of their children,
  // so the eye follows one straight line through Deployment, ReplicaSet and Pod.
  function besideChildren(ys: readonly number[], depth: number): number {
    return depth === 0 ? size.padding : (ys[0] ?? size.padding);
  }

  place(root, 0, undefined);
  return {
    // Row by row, as one reads, so that the Tab key and screen readers go the same way.
    nodes: nodes.sort((a, b) => a.y - b.y || a.x - b.x),
    edges,
    width: 2 * size.padding + (deepest + 1) * size.width + deepest * size.columnGap,
    height: Math.max(nextRow - size.rowGap, size.padding + size.height) + size.padding,
  };
}

function edge(x: number, fromY: number, toY: number, size: Size): Omit<Edge, "id" | "last"> {
  const half = size.height / 2;
  const [y1, y2] = [fromY + half, toY + half];
  const middle = x + size.columnGap / 2;
  const end = x + size.columnGap;
  return { path: elbow(x, y1, middle, end, y2), top: Math.min(y1, y2), bottom: Math.max(y1, y2), end: y2 };
}

function elbow(x: number, y1: number, middle: number, end: number, y2: number): string {
  if (y1 === y2) return `M${x} ${y1}H${end}`;
  const way = y2 > y1 ? 1 : -1;
  const radius = Math.min(8, Math.abs(y2 - y1) / 2);
  return (
    `M${x} ${y1}H${middle - radius}Q${middle} ${y1} ${middle} ${y1 + way * radius}` +
    `V${y2 - way * radius}Q${middle} ${y2} ${middle + radius} ${y2}H${end}`
  );
}

export interface View {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Only what a view touches is drawn, so a tree of thousands costs no more than a screenful. */
export function visible(drawn: Layout, view: View, size: Size = SIZE): { nodes: Placed[]; edges: Edge[] } {
  return {
    nodes: drawn.nodes.filter(
      ({ x, y }) => y + size.height >= view.top && y <= view.bottom && x + size.width >= view.left && x <= view.right,
    ),
    // Of thousands of siblings' edges only a screenful turns off to a child in sight; the rest lie on each other.
    edges: drawn.edges.filter(
      ({ top, bottom, end, last }) =>
        bottom >= view.top && top <= view.bottom && (last || (end >= view.top && end <= view.bottom)),
    ),
  };
}

export type Direction = "up" | "down" | "left" | "right";

/** The node an arrow key leads to. */
export function neighbour(drawn: Layout, id: string, direction: Direction): string | undefined {
  const here = drawn.nodes.find(({ branch }) => branch.id === id);
  if (!here) return drawn.nodes[0]?.branch.id;
  if (direction === "left") return here.parent;
  if (direction === "right") return here.branch.children[0]?.id;
  const column = drawn.nodes.filter(({ depth }) => depth === here.depth).sort((a, b) => a.y - b.y);
  const index = column.findIndex(({ branch }) => branch.id === id);
  return column[index + (direction === "down" ? 1 : -1)]?.branch.id;
}
