/** Before a sync: revision, options, and exactly what will be deleted, created and changed. */

import { useMemo, useState } from "react";
import type { Application, ResourceDiff, SyncRequest } from "../api/types";
import { comparedRevision, shortRevision, sourcesOf } from "../derive/application";
import { DiffView } from "./code";
import { counted } from "../derive/explain";
import { prunesByPolicy } from "../derive/policy";
import { preselected, preview, resourceDiff, resourcesToName, type Effect, type PreviewRow } from "../derive/preview";
import { EFFECT_TONES, EFFECT_WORDS } from "../derive/tone";
import { resourceKey } from "../derive/tree";
import type { Loaded } from "../state/application";
import { startSync } from "../state/commands";
import type { Permission } from "../state/permissions";
import { Button, Check } from "./controls";
import { Icon } from "./icons";
import { KindMark } from "./node";
import { Drawer } from "./overlay";
import { Chip } from "./status";

interface SyncPanelProps {
  readonly app: Application;
  readonly managed: Loaded<readonly ResourceDiff[]>;
  readonly permission: Permission;
  readonly onClose: () => void;
}

interface Options {
  readonly revision: string;
  readonly prune: boolean;
  readonly dryRun: boolean;
  readonly applyOnly: boolean;
  readonly force: boolean;
}

export function SyncPanel({ app, managed, permission, onClose }: SyncPanelProps) {
  const [options, setOptions] = useState<Options>(() => ({
    revision: "",
    prune: prunesByPolicy(app),
    dryRun: false,
    applyOnly: false,
    force: false,
  }));
  const [ticked, setTicked] = useState<ReadonlySet<string>>();
  const [busy, setBusy] = useState(false);
  // Until someone ticks or unticks, the choice follows what is out of sync right now.
  const chosen = ticked ?? preselected(app);
  const named = useMemo(() => resourcesToName(app, chosen), [app, chosen]);
  const rows = useMemo(() => preview(app, managed.value, options.prune), [app, managed.value, options.prune]);
  const submit = async () => {
    setBusy(true);
    const taken = await startSync(app, requestOf(options, named));
    setBusy(false);
    if (taken) onClose();
  };
  return (
    <Drawer
      wide
      label={`Sync ${app.metadata.name}`}
      testId="sync-panel"
      onClose={onClose}
      title={<SyncTitle app={app} />}
      footer={
        <>
          <span className="grow soft" aria-live="polite">
            {summary(rows, chosen)}
          </span>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon="sync"
            testId="sync-submit"
            busy={busy}
            refusal={permission.reason || (chosen.size === 0 && ticked !== undefined ? "No resource is chosen." : "")}
            onPress={() => void submit()}
          >
            {options.dryRun ? "Start dry run" : "Sync"}
          </Button>
        </>
      }
    >
      <div className="pad">
        <OptionFields app={app} options={options} onChange={setOptions} />
        {options.revision && (
          <div className="notice tone-busy">
            <Icon name="info" />
            <span>
              The list below compares with {shortRevision(comparedRevision(app)) || "the target revision"}; what{" "}
              {options.revision} changes is known once the sync begins.
            </span>
          </div>
        )}
        <Rows
          app={app}
          rows={rows}
          managed={managed}
          chosen={chosen}
          onChoose={setTicked}
          partial={named !== undefined}
        />
      </div>
    </Drawer>
  );
}

function requestOf(options: Options, resources: SyncRequest["resources"]): SyncRequest {
  const { force } = options;
  return {
    ...(options.revision ? { revision: options.revision } : {}),
    prune: options.prune,
    dryRun: options.dryRun,
    strategy: options.applyOnly ? { apply: { force } } : { hook: { force } },
    ...(resources ? { resources } : {}),
  };
}

function SyncTitle({ app }: { app: Application }) {
  return (
    <>
      <h2>Sync {app.metadata.name}</h2>
      <span className="faint">
        to {sourcesOf(app)[0]?.targetRevision} <span className="mono">{shortRevision(comparedRevision(app))}</span>
      </span>
    </>
  );
}

interface OptionFieldsProps {
  readonly app: Application;
  readonly options: Options;
  readonly onChange: (options: Options) => void;
}

function OptionFields({ app, options, onChange }: OptionFieldsProps) {
  const set = (change: Partial<Options>) => onChange({ ...options, ...change });
  return (
    <div className="sync-options">
      <label className="field">
        <span>Revision</span>
        <input
          className="input mono"
          data-testid="sync-revision"
          placeholder={sourcesOf(app)[0]?.targetRevision}
          value={options.revision}
          spellCheck={false}
          onChange={(event) => set({ revision: event.target.value.trim() })}
        />
        <small>Branch, tag or commit; empty means the target revision.</small>
      </label>
      <div className="sync-checks">
        <Check
          testId="sync-prune"
          checked={options.prune}
          onChange={(prune) => set({ prune })}
          hint="Delete what Git no longer has."
        >
          Prune
        </Check>
        <Check
          testId="sync-dry-run"
          checked={options.dryRun}
          onChange={(dryRun) => set({ dryRun })}
          hint="Ask the cluster, change nothing."
        >
          Dry run
        </Check>
        <Check
          testId="sync-apply-only"
          checked={options.applyOnly}
          onChange={(applyOnly) => set({ applyOnly })}
          hint="Run no hooks."
        >
          Apply only
        </Check>
        <Check
          testId="sync-force"
          checked={options.force}
          onChange={(force) => set({ force })}
          hint="Delete and create anew what cannot be changed."
        >
          Force
        </Check>
      </div>
    </div>
  );
}

function summary(rows: readonly PreviewRow[], chosen: ReadonlySet<string>): string {
  const count = (effect: Effect) => rows.filter((row) => row.effect === effect && chosen.has(row.id)).length;
  const parts = [
    [count("delete"), "to delete"],
    [count("create"), "to create"],
    [count("change"), "to change"],
  ] as const;
  const words = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return words.join(", ") || "Nothing to change";
}

interface RowsProps {
  readonly app: Application;
  readonly rows: readonly PreviewRow[];
  readonly managed: Loaded<readonly ResourceDiff[]>;
  readonly chosen: ReadonlySet<string>;
  readonly partial: boolean;
  readonly onChoose: (chosen: ReadonlySet<string> | undefined) => void;
}

function Rows({ app, rows, managed, chosen, partial, onChoose }: RowsProps) {
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
