/** The resource tree as a graph: scroll or drag to move, wheel with Ctrl to zoom, arrows to walk. */

import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type RefObject,
} from "react";
import {
  SIZE,
  layout,
  neighbour,
  visible,
  type Direction,
  type Layout,
  type Placed,
  type View,
} from "../derive/layout";
import type { Branch } from "../derive/tree";
import { Button } from "./controls";
import { GraphNode } from "./node";

interface GraphProps {
  readonly root: Branch;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
  readonly onUnfold: (groupId: string) => void;
}

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};
const SMALLEST = 0.35;
const LARGEST = 1.5;
const MARGIN = 300;

export function Graph({ root, chosen, onChoose, onUnfold }: GraphProps) {
  const drawn = useMemo(() => layout(root), [root]);
  const frame = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(1);
  const view = useView(frame, zoom);
  const shown = useMemo(() => visible(drawn, view), [drawn, view]);
  useDrag(frame);
  useZoomWheel(frame, setZoom);
  useKeepInSight(frame, drawn, zoom, chosen);
  const fit = () => setZoom(fitting(frame.current, drawn));
  const walk = useWalk(frame, drawn, zoom);
  return (
    <div className="graph-frame">
      <div className="graph" ref={frame} role="group" aria-label="Resource tree" onKeyDown={walk}>
        <div style={{ width: drawn.width * zoom, height: drawn.height * zoom }}>
          <div
            className="graph-sheet"
            style={{ width: drawn.width, height: drawn.height, transform: `scale(${zoom})` }}
          >
            <svg width={drawn.width} height={drawn.height} aria-hidden="true">
              {shown.edges.map(({ id, path }) => (
                <path key={id} d={path} className="edge" />
              ))}
            </svg>
            {shown.nodes.map((placed) => (
              <Node
                key={placed.branch.id}
                placed={placed}
                chosen={placed.branch.id === chosen}
                onChoose={onChoose}
                onUnfold={onUnfold}
              />
            ))}
          </div>
        </div>
      </div>
      <div className="graph-zoom">
        <Button small icon="minus" label="Zoom out" onPress={() => setZoom((old) => within(old / 1.2))} />
        <button type="button" className="button small zoom-value" title="Back to full size" onClick={() => setZoom(1)}>
          {Math.round(zoom * 100)} %
        </button>
        <Button small icon="plus" label="Zoom in" onPress={() => setZoom((old) => within(old * 1.2))} />
        <Button small icon="fit" label="Fit the tree into view" onPress={fit} />
      </div>
    </div>
  );
}

const within = (zoom: number): number => Math.min(LARGEST, Math.max(SMALLEST, zoom));

function fitting(frame: HTMLElement | null, drawn: Layout): number {
  if (!frame) return 1;
  return within(Math.min(1, frame.clientWidth / drawn.width, frame.clientHeight / drawn.height));
}

interface NodeProps {
  readonly placed: Placed;
  readonly chosen: boolean;
  readonly onChoose: (id: string) => void;
  readonly onUnfold: (groupId: string) => void;
}

function Node({ placed, chosen, onChoose, onUnfold }: NodeProps) {
  const { branch, x, y } = placed;
  return (
    <div
      className="node-place"
      style={{ transform: `translate(${x}px, ${y}px)`, width: SIZE.width, height: SIZE.height }}
    >
      <GraphNode
        branch={branch}
        chosen={chosen}
        onPress={() => (branch.kind === "group" ? onUnfold(branch.id) : onChoose(branch.id))}
      />
    </div>
  );
}

const EVERYWHERE: View = { left: 0, top: 0, right: 4000, bottom: 4000 };

/** What part of the sheet can be seen, with a margin so that scrolling never shows an empty edge. */
function useView(frame: RefObject<HTMLDivElement | null>, zoom: number): View {
  const [view, setView] = useState<View>(EVERYWHERE);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    let asked = 0;
    const look = () => {
      asked = 0;
      setView({
        left: (element.scrollLeft - MARGIN) / zoom,
        top: (element.scrollTop - MARGIN) / zoom,
        right: (element.scrollLeft + element.clientWidth + MARGIN) / zoom,
        bottom: (element.scrollTop + element.clientHeight + MARGIN) / zoom,
      });
    };
    const soon = () => {
      asked ||= requestAnimationFrame(look);
    };
    look();
    element.addEventListener("scroll", soon, { passive: true });
    const resized = new ResizeObserver(soon);
    resized.observe(element);
    return () => {
      cancelAnimationFrame(asked);
      element.removeEventListener("scroll", soon);
      resized.disconnect();
    };
  }, [frame, zoom]);
  return view;
}

function useDrag(frame: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const start = (event: PointerEvent) => {
      if (event.button !== 0 || event.pointerType === "touch" || (event.target as Element).closest("button")) return;
      const from = { x: event.clientX + element.scrollLeft, y: event.clientY + element.scrollTop };
      element.classList.add("dragging");
      const move = (moved: PointerEvent) => element.scrollTo(from.x - moved.clientX, from.y - moved.clientY);
      const end = () => {
        element.classList.remove("dragging");
        window.removeEventListener("pointermove", move);
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", end, { once: true });
    };
    element.addEventListener("pointerdown", start);
    return () => element.removeEventListener("pointerdown", start);
  }, [frame]);
}

function useZoomWheel(
  frame: RefObject<HTMLDivElement | null>,
  setZoom: (change: (old: number) => number) => void,
): void {
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const turned = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      setZoom((old) => within(old * Math.exp(-event.deltaY / 300)));
    };
    // React listens passively; only a listener of our own may keep the browser from zooming the page.
    element.addEventListener("wheel", turned, { passive: false });
    return () => element.removeEventListener("wheel", turned);
  }, [frame, setZoom]);
}

function useWalk(frame: RefObject<HTMLDivElement | null>, drawn: Layout, zoom: number) {
  const goal = useRef<string | undefined>(undefined);
  const focus = useCallback(
    (id: string) => frame.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`)?.focus(),
    [frame],
  );
  return (event: KeyboardEvent) => {
    const direction = ARROWS[event.key];
    const here = (event.target as HTMLElement).dataset["node"];
    if (!direction || !here) return;
    event.preventDefault();
    const next = neighbour(drawn, here, direction);
    const placed = drawn.nodes.find(({ branch }) => branch.id === next);
    if (!next || !placed) return;
    goal.current = next;
    scrollTo(frame.current, placed, zoom);
    // The node may come into being only once the view has moved.
    requestAnimationFrame(() => requestAnimationFrame(() => goal.current === next && focus(next)));
  };
}

/** The chosen node stays in sight when the panel beside the graph takes its room. */
function useKeepInSight(
  frame: RefObject<HTMLDivElement | null>,
  drawn: Layout,
  zoom: number,
  chosen: string | undefined,
): void {
  const latest = useRef({ drawn, zoom });
  latest.current = { drawn, zoom };
  useEffect(() => {
    if (chosen === undefined) return;
    const placed = latest.current.drawn.nodes.find(({ branch }) => branch.id === chosen);
    if (placed) scrollTo(frame.current, placed, latest.current.zoom);
  }, [frame, chosen]);
}

function scrollTo(frame: HTMLElement | null, { x, y }: Placed, zoom: number): void {
  if (!frame) return;
  const [left, top] = [(x - SIZE.padding) * zoom, (y - SIZE.padding) * zoom];
  const [right, bottom] = [(x + SIZE.width + SIZE.padding) * zoom, (y + SIZE.height + SIZE.padding) * zoom];
  const within = (from: number, size: number, low: number, high: number) =>
    low < from ? low : high > from + size ? high - size : from;
  frame.scrollTo(
    within(frame.scrollLeft, frame.clientWidth, left, right),
    within(frame.scrollTop, frame.clientHeight, top, bottom),
  );
}
