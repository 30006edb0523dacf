/** The resources of an application with their toolbar: as a graph or as a list, filtered. */

import { useMemo, useRef, useState } from "react";
import type { Application } from "../api/types";
import { keptResources } from "../derive/application";
import { counted } from "../derive/explain";
import { EVERYTHING, branches, isProblem, kindsOf, type Resources, type TreeChoice } from "../derive/tree";
import { useShortcuts } from "../state/keys";
import { Bones, Button, Check, Segmented } from "./controls";
import { Graph } from "./graph";
import { Icon } from "./icons";
import { ResourceList } from "./resource-list";

export type TreeShape = "graph" | "list";

interface TreeViewProps {
  readonly app: Application;
  readonly resources: Resources;
  readonly shape: TreeShape;
  readonly loading: boolean;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string | undefined) => void;
  readonly onShape: (shape: TreeShape) => void;
}

export function TreeView({ app, resources, shape, loading, chosen, onChoose, onShape }: TreeViewProps) {
  const [choice, setChoice] = useState<TreeChoice>(EVERYTHING);
  const root = useMemo(() => branches(app, resources, choice), [app, resources, choice]);
  const kept = keptResources(app).length;
  const problems = [...resources.byId.values()].filter(isProblem).length;
  const empty = resources.byId.size === 0;
  return (
    <section className="tree" aria-label="Resources">
      <div className="tree-bar">
        <SearchKinds choice={choice} onChange={setChoice} />
        <KindFilter resources={resources} choice={choice} onChange={setChoice} />
        <button
          type="button"
          className="button small toggle"
          aria-pressed={choice.problemsOnly}
          data-testid="tree-problems"
          onClick={() => setChoice({ ...choice, problemsOnly: !choice.problemsOnly })}
        >
          Problems <b>{problems}</b>
        </button>
        {choice.opened.size > 0 && (
          <Button small kind="quiet" onPress={() => setChoice({ ...choice, opened: new Set() })}>
            Fold groups
          </Button>
        )}
        <span className="grow" />
        {kept > 0 && (
          <span
            className="kept-hint"
            data-testid="kept-hint"
            title="Removed from Git, not pruned: a sync with prune deletes them."
          >
            <Icon name="info" size={14} /> {counted(kept, "resource")} kept
            <span className="roomy"> although removed from Git</span>
          </span>
        )}
        <span className="faint roomy">{counted(resources.byId.size, "resource")}</span>
        <Segmented
          label="Shape of the tree"
          chosen={shape}
          onChoose={onShape}
          choices={[
            { id: "graph", title: "Graph", icon: "graph", testId: "view-graph" },
            { id: "list", title: "List", icon: "list", testId: "view-list" },
          ]}
        />
      </div>
      {loading && empty ? (
        <Bones rows={8} />
      ) : empty ? (
        <div className="empty">
          <h2>No resources</h2>
          <p>Nothing is managed yet. The first sync brings what Git asks for.</p>
        </div>
      ) : shape === "graph" ? (
        <Graph
          root={root}
          chosen={chosen}
          onChoose={onChoose}
          onUnfold={(id) => setChoice({ ...choice, opened: new Set(choice.opened).add(id) })}
        />
      ) : (
        <ResourceList root={root} chosen={chosen} onChoose={onChoose} />
      )}
    </section>
  );
}

interface ChoiceProps {
  readonly choice: TreeChoice;
  readonly onChange: (choice: TreeChoice) => void;
}

function SearchKinds({ choice, onChange }: ChoiceProps) {
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => field.current?.select() });
  return (
    <label className="search tree-search">
      <span className="unseen">Search resources</span>
      <Icon name="search" size={14} />
      <input
        ref={field}
        className="input"
        type="search"
        data-testid="tree-search"
        placeholder="Search resources"
        value={choice.search}
        onChange={(event) => onChange({ ...choice, search: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          onChange({ ...choice, search: "" });
          field.current?.blur();
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

function KindFilter({ resources, choice, onChange }: ChoiceProps & { resources: Resources }) {
  const kinds = useMemo(() => kindsOf(resources), [resources]);
  const toggle = (kind: string, on: boolean) => {
    const next = new Set(choice.kinds);
    if (on) next.add(kind);
    else next.delete(kind);
    onChange({ ...choice, kinds: next });
  };
  return (
    <details
      className="kind-filter"
      onKeyDown={(event) => event.key === "Escape" && event.currentTarget.removeAttribute("open")}
    >
      <summary className="button small" data-testid="tree-kinds">
        {choice.kinds.size === 0 ? "All kinds" : counted(choice.kinds.size, "kind")}
        <Icon name="down" size={12} />
      </summary>
      <div className="kind-list">
        {kinds.map(({ kind, count }) => (
          <Check
            key={kind}
            checked={choice.kinds.has(kind)}
            onChange={(on) => toggle(kind, on)}
            testId={`tree-kind-${kind}`}
          >
            {kind} <span className="faint">{count}</span>
          </Check>
        ))}
        <Check
          checked={choice.showEmptyReplicaSets}
          onChange={(showEmptyReplicaSets) => onChange({ ...choice, showEmptyReplicaSets })}
        >
          Old, empty ReplicaSets
        </Check>
        {choice.kinds.size > 0 && (
          <Button small kind="quiet" onPress={() => onChange({ ...choice, kinds: new Set() })}>
            All kinds
          </Button>
        )}
      </div>
    </details>
  );
}
