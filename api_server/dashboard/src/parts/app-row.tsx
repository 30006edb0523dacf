/** One application as a row. */

import { memo } from "react";
import type { Application } from "../api/types";
import {
  clusterOf,
  commitWaits,
  comparedRevision,
  errorsOf,
  healthOf,
  isDeleting,
  isMended,
  isRunning,
  lastOperation,
  projectOf,
  shortRevision,
  sourcesOf,
  syncOf,
  syncedRevision,
  verdictDoubtful,
} from "../derive/application";
import { policySentence } from "../derive/policy";
import { ago } from "../derive/time";
import { phaseTone } from "../derive/tone";
import { refresh } from "../state/commands";
import { useCoarseNow } from "../state/now";
import { useSurePermission } from "../state/permissions";
import { applicationPath, navigate } from "../state/router";
import { Button, Link } from "./controls";
import { Icon } from "./icons";
import { Name } from "./name";
import { Chip, HealthStatus, SyncStatus } from "./status";

interface AppRowProps {
  readonly app: Application;
  readonly row: number;
  readonly top: number;
  readonly marked: boolean;
  readonly onMark: (row: number) => void;
  readonly onSync: (app: Application) => void;
}

export const AppRow = memo(({ app, row, top, marked, onMark, onSync }: AppRowProps) => {
  const { name, namespace } = app.metadata;
  const path = applicationPath(namespace, name);
  const doubtful = verdictDoubtful(app);
  const open = (event: React.MouseEvent) => {
    if (!(event.target as Element).closest("a, button")) navigate(path);
  };
  return (
    <div
      role="row"
      className={`app-grid app-row ${doubtful ? "doubtful-row" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={row + 2}
      tabIndex={marked ? 0 : -1}
      data-row={row}
      data-testid={`app-row-${name}`}
      onFocus={() => onMark(row)}
      onClick={open}
    >
      <span role="cell" className="cell-name">
        <Link to={path} className="cut" tabIndex={-1} title={`${name}\n${policySentence(app)}`}>
          <Name text={name} />
        </Link>
        <Marks app={app} />
      </span>
      <span role="cell" className="cell-sync">
        <SyncStatus value={syncOf(app)} doubtful={doubtful} testId="app-sync-status" />
      </span>
      <span role="cell" className="cell-health">
        <HealthStatus
          value={healthOf(app)}
          doubtful={doubtful}
          testId="app-health"
          title={app.status?.health?.message ?? ""}
        />
      </span>
      <span role="cell" className="soft cut cell-project">
        {projectOf(app)}
      </span>
      <span role="cell" className="soft cut cell-cluster" title={app.spec.destination?.server}>
        {clusterOf(app)}
      </span>
      <span role="cell" className="soft cut cell-namespace">
        {app.spec.destination?.namespace || "–"}
      </span>
      <span role="cell" className="cell-revision">
        <Revision app={app} />
      </span>
      <span role="cell" className="cell-synced">
        <LastSync app={app} />
      </span>
      <span role="cell" className="cell-actions">
        <RowActions app={app} onSync={onSync} />
      </span>
    </div>
  );
});

function Marks({ app }: { app: Application }) {
  const errors = errorsOf(app);
  return (
    <>
      {isDeleting(app) && <Chip tone="bad">Deleting</Chip>}
      {errors[0] && (
        <span className="mark-error" title={errors.map(({ type, message }) => `${type}: ${message ?? ""}`).join("\n")}>
          <Icon name="warn" className="tone-bad" />
          <span className="unseen">{errors[0].type}</span>
        </span>
      )}
    </>
  );
}

function Revision({ app }: { app: Application }) {
  const compared = shortRevision(comparedRevision(app));
  const synced = shortRevision(syncedRevision(app));
  if (!commitWaits(app)) {
    return (
      <span className="mono soft" title={`${sourcesOf(app)[0]?.targetRevision} is at ${compared}`}>
        {compared || "–"}
      </span>
    );
  }
  return (
    <span className="waiting" title={`Running ${synced}; commit ${compared} waits to be synced`}>
      <span className="mono soft">{synced}</span>
      <Icon name="chevron" size={12} />
      <span className="mono tone-warn">{compared}</span>
      <span className="unseen">commit waits</span>
    </span>
  );
}

function LastSync({ app }: { app: Application }) {
  const now = useCoarseNow();
  const last = lastOperation(app);
  if (isRunning(app)) {
    return (
      <span className="status tone-busy">
        <Icon name="sync" className="spin" size={14} />
        Syncing
      </span>
    );
  }
  if (!last) return <span className="faint">Never</span>;
  const failed = phaseTone(last.phase) === "bad";
  const red = failed && !isMended(app);
  const what = failed ? `${last.phase} ` : last.dryRun ? "Dry run " : last.rollback ? "Rolled back " : "";
  return (
    <span className={red ? "status tone-bad" : "soft"} title={app.status?.operationState?.message}>
      {red && <Icon name="warn" size={14} />}
      {what}
      {ago(last.at, now)}
    </span>
  );
}

function RowActions({ app, onSync }: { app: Application; onSync: (app: Application) => void }) {
  const { name } = app.metadata;
  return (
    <>
      <SyncButton app={app} onSync={onSync} />
      <Button
        small
        kind="quiet"
        icon="refresh"
        label={`Refresh ${name}`}
        testId={`row-refresh-${name}`}
        onPress={() => void refresh(app, "normal")}
      />
    </>
  );
}

/** Offered to those who may only; the rows in sight ask together. */
function SyncButton({ app, onSync }: { app: Application; onSync: (app: Application) => void }) {
  const { reason } = useSurePermission(app, "sync");
  const { name } = app.metadata;
  return (
    <Button
      small
      kind="quiet"
      icon="sync"
      label={`Sync ${name}`}
      refusal={reason}
      testId={`row-sync-${name}`}
      onPress={() => onSync(app)}
    />
  );
}
