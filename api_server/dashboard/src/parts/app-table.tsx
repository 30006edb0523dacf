/** The applications as dense rows; only those in sight are drawn, so a thousand cost no more than thirty. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import type { Application } from "../api/types";
import { keyOf } from "../derive/application";
import type { Filter, SortColumn } from "../derive/filters";
import { rowWindow, scrollToRow } from "../derive/window";
import { useShortcuts } from "../state/keys";
import { applicationPath, navigate } from "../state/router";
import { AppRow } from "./app-row";
import { Icon } from "./icons";

const ROW_HEIGHT = 40;
const HEADER_HEIGHT = 32;

export interface Column {
  readonly id: string;
  readonly title: string;
  readonly sort?: SortColumn;
}

const COLUMNS: readonly Column[] = [
  { id: "name", title: "Application", sort: "name" },
  { id: "sync", title: "Sync status", sort: "sync" },
  { id: "health", title: "Health", sort: "health" },
  { id: "project", title: "Project", sort: "project" },
  { id: "cluster", title: "Cluster", sort: "cluster" },
  { id: "namespace", title: "Namespace" },
  { id: "revision", title: "Revision" },
  { id: "synced", title: "Last sync", sort: "synced" },
  { id: "actions", title: "" },
];

interface AppTableProps {
  readonly apps: readonly Application[];
  readonly filter: Filter;
  readonly stale: boolean;
  readonly onSort: (column: SortColumn) => void;
  readonly onSync: (app: Application) => void;
}

export function AppTable({ apps, filter, stale, onSort, onSync }: AppTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const { first, end } = useRowWindow(frame, apps.length);
  const [marked, setMarked] = useState(0);
  const focusRow = useFocusRow(frame);
  const mark = (row: number) => {
    const next = Math.max(0, Math.min(apps.length - 1, row));
    setMarked(next);
    focusRow(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step !== undefined) {
      event.preventDefault();
      mark(marked + step);
    }
    if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      mark(event.key === "Home" ? 0 : apps.length - 1);
    }
    const app = apps[marked];
    if (event.key === "Enter" && app && (event.target as HTMLElement).dataset["row"]) {
      navigate(applicationPath(app.metadata.namespace, app.metadata.name));
    }
  };
  useShortcuts({ ArrowDown: () => mark(marked), j: () => mark(marked + 1), k: () => mark(marked - 1) });
  return (
    <div
      className={`app-table ${stale ? "stale" : ""}`}
      ref={frame}
      role="table"
      aria-label="Applications"
      aria-rowcount={apps.length + 1}
      onKeyDown={onKeyDown}
    >
      <div role="row" className="app-grid app-head" aria-rowindex={1}>
        {COLUMNS.map((column) => (
          <Head key={column.id} column={column} filter={filter} onSort={onSort} />
        ))}
      </div>
      <div role="rowgroup" style={{ height: apps.length * ROW_HEIGHT, position: "relative" }}>
        {apps.slice(first, end).map((app, offset) => (
          <AppRow
            key={keyOf(app)}
            app={app}
            row={first + offset}
            top={(first + offset) * ROW_HEIGHT}
            marked={first + offset === marked}
            onMark={setMarked}
            onSync={onSync}
          />
        ))}
      </div>
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 };

interface HeadProps {
  readonly column: Column;
  readonly filter: Filter;
  readonly onSort: (column: SortColumn) => void;
}

function Head({ column, filter, onSort }: HeadProps) {
  const { sort } = column;
  const sorted = sort !== undefined && filter.sort === sort;
  const way = sorted ? (filter.descending ? "descending" : "ascending") : undefined;
  return (
    <span role="columnheader" className={`cell-${column.id}`} aria-sort={way}>
      {sort ? (
        <button type="button" onClick={() => onSort(sort)}>
          {column.title}
          {sorted && <Icon name="down" size={12} className={filter.descending ? "" : "up"} />}
        </button>
      ) : (
        column.title || <span className="unseen">Actions</span>
      )}
    </span>
  );
}

function useRowWindow(frame: RefObject<HTMLDivElement | null>, count: number) {
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
  return rowWindow(place.top, place.height, ROW_HEIGHT, count);
}

/** Scrolls a row into sight and gives it the focus once it is drawn. */
function useFocusRow(frame: RefObject<HTMLDivElement | null>) {
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
      element.scrollTop = scrollToRow(row, element.scrollTop, element.clientHeight, ROW_HEIGHT, HEADER_HEIGHT);
    },
    [frame],
  );
}
