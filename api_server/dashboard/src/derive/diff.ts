/** Differences between two texts by line (Myers' algorithm), cut to hunks, side by side or unified. */

export type LineKind = "same" | "removed" | "added";

export interface DiffLine {
  readonly kind: LineKind;
  readonly text: string;
  /** Line numbers, from 1, in the old and in the new text. */
  readonly before?: number;
  readonly after?: number;
}

// Beyond this many edits the exact answer costs too much and helps nobody.
const MOST_EDITS = 2000;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = edits(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const kinds: LineKind[] = [...Array<LineKind>(head).fill("same"), ...middle, ...Array<LineKind>(tail).fill("same")];
  return numbered(kinds, a, b);
}

const linesOf = (text: string): string[] => (text === "" ? [] : text.split("\n"));

function numbered(kinds: readonly LineKind[], a: readonly string[], b: readonly string[]): DiffLine[] {
  let before = 0;
  let after = 0;
  return kinds.map((kind) => {
    if (kind === "removed") return { kind, text: a[before] ?? "", before: ++before };
    if (kind === "added") return { kind, text: b[after] ?? "", after: ++after };
    return { kind, text: a[before] ?? "", before: ++before, after: ++after };
  });
}

function edits(a: readonly string[], b: readonly string[]): LineKind[] {
  const trace = forward(a, b);
  if (trace === undefined) {
    return [...a.map(() => "removed" as const), ...b.map(() => "added" as const)];
  }
  return backward(trace, a.length, b.length);
}

/** Furthest reach on each diagonal after d edits, for every d until the end is reached. */
function forward(a: readonly string[], b: readonly string[]): Int32Array[] | undefined {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const middle = most + 1;
  const reach = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice(middle - d - 1, middle + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(reach, middle + k - 1) < at(reach, middle + k + 1));
      let x = down ? at(reach, middle + k + 1) : at(reach, middle + k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
  return undefined;
}

function backward(trace: readonly Int32Array[], endX: number, endY: number): LineKind[] {
  const kinds: LineKind[] = [];
  let x = endX;
  let y = endY;
  for (let d = trace.length - 1; d > 0; d--) {
    const reach = trace[d] ?? new Int32Array();
    const middle = d + 1;
    const k = x - y;
    const down = k === -d || (k !== d && at(reach, middle + k - 1) < at(reach, middle + k + 1));
    const from = down ? k + 1 : k - 1;
    const fromX = at(reach, middle + from);
    const fromY = fromX - from;
    const startX = down ? fromX : fromX + 1;
    for (; x > startX; x--, y--) kinds.push("same");
    kinds.push(down ? "added" : "removed");
    x = fromX;
    y = fromY;
  }
  for (; x > 0; x--) kinds.push("same");
  return kinds.reverse();
}

const at = (reach: Int32Array, index: number): number => reach[index] ?? 0;

export interface DiffCount {
  readonly added: number;
  readonly removed: number;
}

export function countOf(lines: readonly DiffLine[]): DiffCount {
  let added = 0;
  let removed = 0;
  for (const { kind } of lines) {
    if (kind === "added") added++;
    if (kind === "removed") removed++;
  }
  return { added, removed };
}

/** A run of lines to show, or the number of equal lines left out between two runs. */
export type Hunk =
  | { readonly kind: "lines"; readonly lines: readonly DiffLine[] }
  | { readonly kind: "gap"; readonly count: number; readonly from: number };

export function hunks(lines: readonly DiffLine[], context: number): Hunk[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    near.fill(1, Math.max(0, index - context), Math.min(lines.length, index + context + 1));
  });
  const result: Hunk[] = [];
  for (let start = 0; start < lines.length;) {
    let end = start;
    while (end < lines.length && near[end] === near[start]) end++;
    // A gap of one or two lines hides less than its own marker takes.
    const shown = near[start] === 1 || end - start <= 2;
    result.push(
      shown ? { kind: "lines", lines: lines.slice(start, end) } : { kind: "gap", count: end - start, from: start },
    );
    start = end;
  }
  return result;
}

export interface SideBySideRow {
  readonly left?: DiffLine;
  readonly right?: DiffLine;
}

/** Removed lines face the added lines that took their place. */
export function sideBySide(lines: readonly DiffLine[]): SideBySideRow[] {
  const rows: SideBySideRow[] = [];
  for (let index = 0; index < lines.length;) {
    const line = lines[index];
    if (!line) break;
    if (line.kind === "same") {
      rows.push({ left: line, right: line });
      index++;
      continue;
    }
    const changed: DiffLine[] = [];
    while (lines[index] && lines[index]?.kind !== "same") changed.push(lines[index++] as DiffLine);
    const removed = changed.filter(({ kind }) => kind === "removed");
    const added = changed.filter(({ kind }) => kind === "added");
    for (let row = 0; row < Math.max(removed.length, added.length); row++) {
      rows.push({
        ...(removed[row] ? { left: removed[row] as DiffLine } : {}),
        ...(added[row] ? { right: added[row] as DiffLine } : {}),
      });
    }
  }
  return rows;
}

/** Where in two facing lines the difference is: everything between the common ends. */
export function changedSpan(left: string, right: string): { from: number; leftTo: number; rightTo: number } {
  let from = 0;
  while (from < left.length && from < right.length && left[from] === right[from]) from++;
  let tail = 0;
  while (
    tail < left.length - from &&
    tail < right.length - from &&
    left[left.length - 1 - tail] === right[right.length - 1 - tail]
  )
    tail++;
  return { from, leftTo: left.length - tail, rightTo: right.length - tail };
}
