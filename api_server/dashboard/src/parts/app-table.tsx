/** The applications as dense rows; only those in sight are drawn, so a thousand cost no more than thirty. */

import { useRef, useState, type KeyboardEvent } from "react";
import type { Application } from "../api/types";
import { keyOf } from "../derive/application";
import type { Filter, SortColumn } from "../derive/filters";
import { useShortcuts } from "../state/keys";
import { useNarrow } from "../state/narrow";
import { applicationPath, navigate } from "../state/router";
import { AppRow } from "./app-row";
import { Icon } from "./icons";
import { rowAfter, useFocusRow, useRowWindow } from "./rows";

// As in the style sheets: rows of a table, or cards without a head.
const TABLE = { row: 40, head: 32 };
const CARDS = { row: 114, head: 0 };

export interface Column {
  readonly id: string;
  readonly title: string;
  readonly sort?: SortColumn;
}

export const COLUMNS: readonly Column[] = [
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
  const height = useNarrow() ? CARDS : TABLE;
  const { first, end } = useRowWindow(frame, apps.length, height.row);
  const [marked, setMarked] = useState(0);
  const focusRow = useFocusRow(frame, height.row, height.head);
  const mark = (row: number) => {
    const next = Math.max(0, Math.min(apps.length - 1, row));
    setMarked(next);
    focusRow(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = rowAfter(event.key, marked, apps.length);
    if (next !== undefined) {
      event.preventDefault();
      mark(next);
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
      <div role="rowgroup" style={{ height: apps.length * height.row, position: "relative" }}>
        {apps.slice(first, end).map((app, offset) => (
          <AppRow
            key={keyOf(app)}
            app={app}
            row={first + offset}
            top={(first + offset) * height.row}
            marked={first + offset === marked}
            onMark={setMarked}
            onSync={onSync}
          />
        ))}
      </div>
    </div>
  );
}

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
