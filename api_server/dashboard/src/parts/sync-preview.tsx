/** What a sync will delete, create and change, one row per resource; each can be left out. */

import { useMemo, useState } from "react";
import type { Application } from "../api/types";
import { comparedRevision } from "../derive/application";
import { counted } from "../derive/explain";
import { countOfDiff, resourceDiff, type PreviewRow } from "../derive/preview";
import { EFFECT_TONES, EFFECT_WORDS } from "../derive/tone";
import { useManagedResource } from "../state/application";
import { DiffView } from "./code";
import { Bones, Button } from "./controls";
import { Name } from "./name";
import { KindMark } from "./node";
import { Chip } from "./status";

interface SyncPreviewProps {
  readonly app: Application;
  readonly rows: readonly PreviewRow[];
  readonly chosen: ReadonlySet<string>;
  readonly partial: boolean;
  readonly onChoose: (chosen: ReadonlySet<string> | undefined) => void;
}

export function SyncPreview({ app, rows, chosen, partial, onChoose }: SyncPreviewProps) {
  const [showEqual, setShowEqual] = useState(false);
  const [all, setAll] = useState(false);
  const eager = rows.filter(({ effect }) => effect === "change").length <= FEW;
  const equal = rows.filter(({ effect }) => effect === "none");
  const shown = showEqual ? rows : rows.filter(({ effect, id }) => effect !== "none" || chosen.has(id));
  const toggle = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    onChoose(next);
  };
  return (
    <section aria-label="What will be synced">
      <div className="rows-head">
        <h2 className="grow">What will happen</h2>
        <Button small kind="quiet" onPress={() => onChoose(undefined)}>
          Out of sync
        </Button>
        <Button small kind="quiet" onPress={() => onChoose(new Set(rows.map(({ id }) => id)))}>
          All
        </Button>
        <Button small kind="quiet" onPress={() => onChoose(new Set())}>
          None
        </Button>
      </div>
      {shown.length === 0 && <p className="soft rows-none">Everything is in sync; a sync would change nothing.</p>}
      <ul className="preview-rows">
        {(all ? shown : shown.slice(0, MANY)).map((row) => (
          <Row
            key={row.id}
            app={app}
            row={row}
            eager={eager}
            checked={chosen.has(row.id)}
            onCheck={(on) => toggle(row.id, on)}
          />
        ))}
      </ul>
      {!all && shown.length > MANY && (
        <Button small kind="quiet" icon="chevron" onPress={() => setAll(true)}>
          Show {shown.length - MANY} more
        </Button>
      )}
      {equal.length > 0 && (
        <Button small kind="quiet" icon={showEqual ? "down" : "chevron"} onPress={() => setShowEqual(!showEqual)}>
          {showEqual ? "Hide" : "Show"} {counted(equal.length, "resource")} already in sync
        </Button>
      )}
      {partial && (
        <p className="soft rows-none">
          Chosen resources only: hooks are not run, and no entry is added to the history of {app.metadata.name}.
        </p>
      )}
    </section>
  );
}

// As many differences are looked up before anyone asks to see them, and as many rows are drawn at once.
const FEW = 10;
const MANY = 200;

interface RowProps {
  readonly app: Application;
  readonly row: PreviewRow;
  /** Look the difference up at once, for the number of its lines. */
  readonly eager: boolean;
  readonly checked: boolean;
  readonly onCheck: (checked: boolean) => void;
}

function Row({ app, row, eager, checked, onCheck }: RowProps) {
  const [open, setOpen] = useState(false);
  const { resource, effect } = row;
  const wanted = open || (eager && effect === "change");
  const ref = { name: app.metadata.name, namespace: app.metadata.namespace };
  const state = `${resource.status} ${resource.health?.status} ${comparedRevision(app)}`;
  const { value: diff, error, loading } = useManagedResource(ref, wanted ? resource : undefined, state);
  const lines = useMemo(() => (diff && effect === "change" ? countOfDiff(diff) : undefined), [diff, effect]);
  const words = `${resource.kind} ${resource.name}`;
  return (
    <li className={`preview-row effect-${effect}`}>
      <div className="preview-line">
        <input
          type="checkbox"
          checked={checked}
          aria-label={`Sync ${words}`}
          data-testid={`sync-resource-${resource.kind}-${resource.name}`}
          onChange={(event) => onCheck(event.target.checked)}
        />
        <Chip
          tone={EFFECT_TONES[effect]}
          {...(effect === "keep" ? { title: "Not in Git; without prune it stays" } : {})}
        >
          {EFFECT_WORDS[effect]}
        </Chip>
        <KindMark kind={resource.kind} />
        <span className="grow preview-name" title={words}>
          <Name text={resource.name} />
          <span className="faint">{resource.kind}</span>
        </span>
        {lines && (
          <span className="line-counts">
            <span className="tone-good">+{lines.added}</span> <span className="tone-bad">−{lines.removed}</span>
          </span>
        )}
        {effect !== "none" && (
          <Button
            small
            kind="quiet"
            icon={open ? "down" : "chevron"}
            expanded={open}
            label={`Difference of ${words}`}
            onPress={() => setOpen(!open)}
          />
        )}
      </div>
      {open && diff && <DiffView lines={resourceDiff(diff)} shape="unified" before="Live" after="After the sync" />}
      {open && !diff && loading && <Bones rows={4} />}
      {open && !diff && !loading && (
        <p className="pad tone-bad" role="alert">
          {error ? `The difference cannot be shown: ${error}` : "The comparison has nothing on this resource yet."}
        </p>
      )}
    </li>
  );
}
