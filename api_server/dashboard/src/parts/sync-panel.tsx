/** Before a sync: revision, options, and exactly what will be deleted, created and changed. */

import { useMemo, useState } from "react";
import type { Application, SyncRequest } from "../api/types";
import { comparedRevision, shortRevision, sourcesOf } from "../derive/application";
import { prunesByPolicy } from "../derive/policy";
import { preselected, preview, resourcesToName, type Effect, type PreviewRow } from "../derive/preview";
import { startSync } from "../state/commands";
import type { Permission } from "../state/permissions";
import { Button, Check } from "./controls";
import { Icon } from "./icons";
import { Drawer } from "./overlay";
import { SyncPreview } from "./sync-preview";

interface SyncPanelProps {
  readonly app: Application;
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

export function SyncPanel({ app, permission, onClose }: SyncPanelProps) {
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
  const rows = useMemo(() => preview(app, options.prune), [app, options.prune]);
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
        <SyncPreview app={app} rows={rows} chosen={chosen} onChoose={setTicked} partial={named !== undefined} />
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
