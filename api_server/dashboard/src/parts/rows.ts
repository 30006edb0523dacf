/** Which rows of a long list are in sight, and how they get the focus. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { rowWindow, scrollToRow, type RowWindow } from "../derive/window";

type Frame = RefObject<HTMLDivElement | null>;

/** The rows to draw of a list that scrolls in `frame`; `head` is what stands above the first row. */
export function useRowWindow(frame: Frame, count: number, rowHeight: number): RowWindow {
  const [place, setPlace] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const look = () => setPlace({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const resized = new ResizeObserver(look);
    resized.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      resized.disconnect();
    };
  }, [frame]);
  return rowWindow(place.top, place.height, rowHeight, count);
}

/** Scrolls a row into sight and gives it the focus once it is drawn. */
export function useFocusRow(frame: Frame, rowHeight: number, headHeight: number): (row: number) => void {
  const wanted = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (wanted.current === undefined) return;
    const row = frame.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  return useCallback(
    (row: number) => {
      wanted.current = row;
      const element = frame.current;
      if (!element) return;
      element.scrollTop = scrollToRow(row, element.scrollTop, element.clientHeight, rowHeight, headHeight);
    },
    [frame, rowHeight, headHeight],
  );
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 };

/** The row a key leads to from another; undefined for keys that lead nowhere. */
export function rowAfter(key: string, row: number, count: number): number | undefined {
  const last = count - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const step = STEPS[key];
  return step === undefined ? undefined : Math.max(0, Math.min(last, row + step));
}
