/** The sync that runs now, resource by resource, or how the last one ended. */

import { useEffect, useRef, useState } from "react";
import type { Application } from "../api/types";
import { operationView, type OperationView, type ResultRow } from "../derive/operation";
import { ago, clockTime, parseTime, span, took } from "../derive/time";
import { RESULT_TONES, phaseTone, type Tone } from "../derive/tone";
import { terminate } from "../state/commands";
import { useNow } from "../state/now";
import type { Permission } from "../state/permissions";
import { Button } from "./controls";
import { Icon } from "./icons";
import { Name } from "./name";
import { KindMark } from "./node";

interface OperationCardProps {
  readonly app: Application;
  readonly permission: Permission;
}

export function OperationCard({ app, permission }: OperationCardProps) {
  const view = operationView(app);
  const [open, setOpen] = useState(false);
  useOpenWhileRunning(view?.running ?? false, setOpen);
  if (!view) return null;
  return (
    <section
      className={`operation tone-edge-${toneOf(view)}`}
      aria-label="Last sync"
      data-testid="operation"
      data-phase={view.phase}
      data-mended={view.mended}
    >
      <div className="operation-line">
        <PhaseIcon view={view} />
        <strong>{view.title}</strong>
        {view.revision && <span className="mono soft">{view.revision}</span>}
        <span className="soft cut grow" title={view.message}>
          {view.mended && "A newer commit has mended it. "}
          {view.message}
        </span>
        <Meta view={view} />
        {view.running && (
          <Button
            small
            icon="stop"
            kind="danger"
            testId="button-terminate"
            refusal={permission.reason || (view.phase === "Terminating" ? "It is being terminated." : "")}
            onPress={() => void terminate(app)}
          >
            Terminate
          </Button>
        )}
        {view.rows.length > 0 && (
          <Button
            small
            kind="quiet"
            icon={open ? "down" : "chevron"}
            expanded={open}
            testId="operation-details"
            onPress={() => setOpen(!open)}
          >
            {view.failed > 0 ? `${view.failed} failed` : view.rows.length}
          </Button>
        )}
      </div>
      {view.running && <Progress view={view} />}
      {open && view.rows.length > 0 && <Rows rows={view.rows} />}
    </section>
  );
}

/** Opens when a sync begins; stays open if it failed, folds if all went well and nobody touched it. */
function useOpenWhileRunning(running: boolean, setOpen: (open: boolean) => void): void {
  const before = useRef(false);
  useEffect(() => {
    if (running !== before.current) setOpen(running);
    before.current = running;
  }, [running, setOpen]);
}

const toneOf = (view: OperationView): Tone => (view.mended ? "none" : phaseTone(view.phase));

function PhaseIcon({ view }: { view: OperationView }) {
  const tone = `tone-${toneOf(view)}`;
  if (view.running) return <Icon name="sync" className={`spin ${tone}`} />;
  return <Icon name={view.phase === "Succeeded" ? "check" : view.mended ? "info" : "warn"} className={tone} />;
}

function Meta({ view }: { view: OperationView }) {
  const now = useNow();
  const length = took(view.startedAt, view.finishedAt, now);
  const ended = view.finishedAt;
  return (
    <span className="faint operation-meta">
      {!view.running && ended && <time title={clockTime(parseTime(ended))}>{ago(ended, now)}</time>}
      {length && <span className="roomy">{view.running ? length : `took ${length}`}</span>}
      <span>by {view.by}</span>
      {view.attempt && (
        <span data-testid="operation-attempt">
          {view.attempt}
          {view.nextAt && ` in ${span(Math.max(0, (parseTime(view.nextAt) ?? now) - now) / 1000)}`}
        </span>
      )}
    </span>
  );
}

function Progress({ view }: { view: OperationView }) {
  const part = view.total === 0 ? 0 : view.finished / view.total;
  return (
    <div
      className={`progress ${view.total === 0 ? "unknown" : ""} ${view.failed > 0 ? "failing" : ""}`}
      role="progressbar"
      aria-label="Progress of the sync"
      aria-valuemin={0}
      aria-valuemax={view.total}
      aria-valuenow={view.finished}
    >
      <i style={{ transform: `scaleX(${view.total === 0 ? 0.3 : part})` }} />
    </div>
  );
}

function Rows({ rows }: { rows: readonly ResultRow[] }) {
  return (
    <ul className="operation-rows">
      {rows.map(({ result, tone, words }) => (
        <li
          key={`${result.syncPhase ?? ""}${result.hookType ?? ""} ${result.group ?? ""}/${result.kind}/${result.namespace ?? ""}/${result.name}`}
        >
          <i className={`dot tone-${RESULT_TONES[tone]}`} />
          <KindMark kind={result.kind} />
          <span className="operation-name">
            <Name text={result.name} />
          </span>
          {result.hookType && <span className="chip">{result.hookType}</span>}
          <span className={`grow cut ${tone === "failed" ? "tone-bad" : "soft"}`} title={words}>
            {words}
          </span>
          <span className="faint">{result.status || result.hookPhase}</span>
        </li>
      ))}
    </ul>
  );
}
