/** What a sync will delete, create and change, one row per resource; each can be left out. */

import { useState } from "react";
import type { Application, ResourceDiff } from "../api/types";
import { counted } from "../derive/explain";
import { resourceDiff, type PreviewRow } from "../derive/preview";
import { EFFECT_TONES, EFFECT_WORDS } from "../derive/tone";
import { resourceKey } from "../derive/tree";
import type { Loaded } from "../state/application";
import { DiffView } from "./code";
import { Button } from "./controls";
import { Icon } from "./icons";
import { KindMark } from "./node";
import { Chip } from "./status";

interface SyncPreviewProps {
  readonly app: Application;
  readonly rows: readonly PreviewRow[];
  readonly managed: Loaded<readonly ResourceDiff[]>;
  readonly chosen: ReadonlySet<string>;
  readonly partial: boolean;
  readonly onChoose: (chosen: ReadonlySet<string> | undefined) => void;
}

export function SyncPreview({ app, rows, managed, chosen, partial, onChoose }: SyncPreviewProps) {
  const [showEqual, setShowEqual] = useState(false);
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
      {managed.error && (
        <div className="notice tone-warn">
          <Icon name="warn" />
          The differences cannot be shown: {managed.error}
        </div>
      )}
      {shown.length === 0 && <p className="soft rows-none">Everything is in sync; a sync would change nothing.</p>}
      <ul className="preview-rows">
        {shown.map((row) => (
          <Row
            key={row.id}
            row={row}
            diff={managed.value?.find((one) => resourceKey(one) === row.id)}
            checked={chosen.has(row.id)}
            onCheck={(on) => toggle(row.id, on)}
          />
        ))}
      </ul>
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

interface RowProps {
  readonly row: PreviewRow;
  readonly diff: ResourceDiff | undefined;
  readonly checked: boolean;
  readonly onCheck: (checked: boolean) => void;
}

function Row({ row, diff, checked, onCheck }: RowProps) {
  const [open, setOpen] = useState(false);
  const { resource, effect, lines } = row;
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
        <span className="grow cut" title={words}>
          {resource.name} <span className="faint">{resource.kind}</span>
        </span>
        {lines && (
          <span className="line-counts">
            <span className="tone-good">+{lines.added}</span> <span className="tone-bad">−{lines.removed}</span>
          </span>
        )}
        {diff && effect !== "none" && (
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
    </li>
  );
}
