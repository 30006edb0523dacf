/** The same resources as rows, or as cards on a phone; only those in sight are drawn. */

import { useMemo, useRef, useState, type KeyboardEvent } from "react";
import { ago } from "../derive/time";
import { flattened, type Branch, type ListedResource } from "../derive/tree";
import { useNarrow } from "../state/narrow";
import { useCoarseNow } from "../state/now";
import { Name } from "./name";
import { KindMark } from "./node";
import { rowAfter, useFocusRow, useRowWindow } from "./rows";
import { Chip, HealthStatus, SyncStatus } from "./status";

interface ResourceListProps {
  readonly root: Branch;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

// As in the style sheets.
const TABLE = { row: 36, head: 32 };
const CARDS = { row: 62, head: 0 };
const COLUMNS = ["Name", "Kind", "Namespace", "Sync status", "Health", "Created"];

export function ResourceList({ root, chosen, onChoose }: ResourceListProps) {
  const rows = useMemo(() => flattened(root), [root]);
  const frame = useRef<HTMLDivElement>(null);
  const height = useNarrow() ? CARDS : TABLE;
  const { first, end } = useRowWindow(frame, rows.length, height.row);
  const focusRow = useFocusRow(frame, height.row, height.head);
  const [marked, setMarked] = useState(0);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = rowAfter(event.key, marked, rows.length);
    if (next === undefined) return;
    event.preventDefault();
    setMarked(next);
    focusRow(next);
  };
  return (
    <div
      className="resource-list"
      ref={frame}
      role="table"
      aria-label="Resources"
      aria-rowcount={rows.length + 1}
      onKeyDown={onKeyDown}
    >
      <div role="row" className="resource-grid resource-head" aria-rowindex={1}>
        {COLUMNS.map((title) => (
          <span key={title} role="columnheader">
            {title}
          </span>
        ))}
      </div>
      <div role="rowgroup" style={{ height: rows.length * height.row, position: "relative" }}>
        {rows.slice(first, end).map((listed, offset) => (
          <Row
            key={listed.resource.id}
            listed={listed}
            row={first + offset}
            top={(first + offset) * height.row}
            marked={first + offset === marked}
            chosen={listed.resource.id === chosen}
            onMark={setMarked}
            onChoose={onChoose}
          />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  readonly listed: ListedResource;
  readonly row: number;
  readonly top: number;
  readonly marked: boolean;
  readonly chosen: boolean;
  readonly onMark: (row: number) => void;
  readonly onChoose: (id: string) => void;
}

// Deeper than this, what is one level down no longer needs more room.
const DEEPEST = 6;

function Row({ listed: { resource, depth }, row, top, marked, chosen, onMark, onChoose }: RowProps) {
  const now = useCoarseNow();
  const indent = Math.min(depth, DEEPEST);
  return (
    <div
      role="row"
      className={`resource-grid resource-row ${chosen ? "chosen" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={row + 2}
      onClick={() => onChoose(resource.id)}
    >
      <span role="cell" className={`cell-name indent-${indent}`}>
        <KindMark kind={resource.kind} />
        <button
          type="button"
          className="as-link"
          title={resource.name}
          data-row={row}
          tabIndex={marked ? 0 : -1}
          aria-pressed={chosen}
          data-testid={`resource-row-${resource.kind}-${resource.name}`}
          onFocus={() => onMark(row)}
        >
          <Name text={resource.name} />
        </button>
        {resource.requiresPruning && (
          <Chip tone="warn" title="Removed from Git; pruning is off">
            not in Git
          </Chip>
        )}
        {resource.hook && <Chip>hook</Chip>}
      </span>
      <span role="cell" className="soft cut cell-kind">
        {resource.kind}
      </span>
      <span role="cell" className="soft cut cell-namespace">
        {resource.namespace || "–"}
      </span>
      <span role="cell" className="cell-sync">
        {resource.sync ? (
          <SyncStatus value={resource.sync} doubtful={resource.doubtful} />
        ) : (
          <span className="faint">–</span>
        )}
      </span>
      <span role="cell" className="cell-health">
        {resource.health ? (
          <HealthStatus value={resource.health} title={resource.healthMessage} />
        ) : (
          <span className="faint">–</span>
        )}
      </span>
      <span role="cell" className="soft cell-created">
        {resource.createdAt ? ago(resource.createdAt, now) : "–"}
      </span>
    </div>
  );
}
