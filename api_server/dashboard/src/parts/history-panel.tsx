/** What was synced when, by whom; and the way back. */

import { useState } from "react";
import type { Application, HistoryEntry } from "../api/types";
import { authorName, newestFirst, shortRevision, sourcesOf, subjectOf, wentBackTo } from "../derive/application";
import { initiatorWords } from "../derive/operation";
import { prunesByPolicy, syncsNewCommits } from "../derive/policy";
import { ago, clockTime, parseTime, took } from "../derive/time";
import { useCommit } from "../state/application";
import { rollback } from "../state/commands";
import { useCoarseNow } from "../state/now";
import type { Permission } from "../state/permissions";
import { Button, Check } from "./controls";
import { Icon } from "./icons";
import { Dialog, Drawer } from "./overlay";
import { Chip } from "./status";

interface HistoryPanelProps {
  readonly app: Application;
  readonly permission: Permission;
  readonly onClose: () => void;
}

const revisionOf = (entry: HistoryEntry): string => entry.revision || entry.revisions?.[0] || "";

export function HistoryPanel({ app, permission, onClose }: HistoryPanelProps) {
  const [target, setTarget] = useState<HistoryEntry>();
  const entries = newestFirst(app.status?.history);
  return (
    <>
      <Drawer
        label={`History of ${app.metadata.name}`}
        testId="history-panel"
        onClose={onClose}
        title={
          <>
            <h2>History of {app.metadata.name}</h2>
            <span className="faint">Every whole sync that succeeded, newest first</span>
          </>
        }
      >
        {entries.length === 0 && (
          <div className="empty">
            <h2>No history yet</h2>
            <p>The first successful sync starts it.</p>
          </div>
        )}
        <ol className="history">
          {entries.map((entry, index) => (
            <Entry
              key={entry.id}
              app={app}
              entry={entry}
              newest={index === 0}
              permission={permission}
              onRollback={() => setTarget(entry)}
            />
          ))}
        </ol>
      </Drawer>
      {target && <RollbackDialog app={app} entry={target} onClose={() => setTarget(undefined)} onDone={onClose} />}
    </>
  );
}

interface EntryProps {
  readonly app: Application;
  readonly entry: HistoryEntry;
  readonly newest: boolean;
  readonly permission: Permission;
  readonly onRollback: () => void;
}

function Entry({ app, entry, newest, permission, onRollback }: EntryProps) {
  const now = useCoarseNow();
  const revision = revisionOf(entry);
  const commit = useCommit(app, revision);
  const back = wentBackTo(entry, app.status?.history);
  const length = took(entry.deployStartedAt, entry.deployedAt, now);
  return (
    <li data-testid={`history-row-${entry.id}`} className={newest ? "newest" : ""}>
      <div className="history-line">
        <span className="mono revision">{shortRevision(revision)}</span>
        {newest && <Chip tone="good">Running</Chip>}
        {back && <Chip>Back to #{back.id}</Chip>}
        <span className="grow" />
        <time className="faint" dateTime={entry.deployedAt} title={clockTime(parseTime(entry.deployedAt))}>
          {ago(entry.deployedAt, now)}
        </time>
      </div>
      <p className="commit-subject">{subjectOf(commit) || <span className="faint">No message known</span>}</p>
      <div className="history-line">
        <span className="soft grow">
          {commit?.author && <>{authorName(commit.author)} · </>}
          {back ? "rolled back" : "synced"} by {initiatorWords(entry.initiatedBy)}
          {length && <> in {length}</>} · #{entry.id}
        </span>
        {!newest && (
          <Button small icon="undo" refusal={permission.reason} testId={`rollback-${entry.id}`} onPress={onRollback}>
            Roll back
          </Button>
        )}
      </div>
    </li>
  );
}

interface RollbackDialogProps {
  readonly app: Application;
  readonly entry: HistoryEntry;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function RollbackDialog({ app, entry, onClose, onDone }: RollbackDialogProps) {
  const [prune, setPrune] = useState(prunesByPolicy(app));
  const [busy, setBusy] = useState(false);
  const revision = revisionOf(entry);
  const commit = useCommit(app, revision);
  const submit = async () => {
    setBusy(true);
    const taken = await rollback(app, entry.id, revision, prune);
    setBusy(false);
    if (taken) onDone();
    else onClose();
  };
  return (
    <Dialog
      label="Roll back"
      testId="rollback-dialog"
      onClose={onClose}
      title={
        <h2>
          Roll {app.metadata.name} back to {shortRevision(revision)}?
        </h2>
      }
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" icon="undo" testId="rollback-submit" busy={busy} onPress={() => void submit()}>
            Roll back to {shortRevision(revision)}
          </Button>
        </>
      }
    >
      <div className="pad">
        <p>
          The manifests of <span className="mono">{shortRevision(revision)}</span>
          {commit?.message && <> “{subjectOf(commit)}”</>} are applied to{" "}
          {app.spec.destination?.namespace || "the destination"}.
        </p>
        {syncsNewCommits(app) ? (
          <div className="notice tone-warn">
            <Icon name="warn" />
            <span>
              Automated sync follows {sourcesOf(app)[0]?.targetRevision} and may refuse or undo a rollback. A revert in
              Git lasts.
            </span>
          </div>
        ) : (
          <div className="notice">
            <Icon name="info" />
            <span>Git does not change: the application shows OutOfSync until it is synced again.</span>
          </div>
        )}
        <Check
          checked={prune}
          onChange={setPrune}
          testId="rollback-prune"
          hint="Delete what that revision did not have."
        >
          Prune
        </Check>
      </div>
    </Dialog>
  );
}
