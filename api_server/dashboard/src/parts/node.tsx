/** One node of the graph: what it is, how it is, and whether Git agrees. */

import { memo, useEffect, useRef } from "react";
import { HEALTH_TONES } from "../derive/tone";
import { kindFamily, kindMark } from "../derive/kinds";
import type { Branch, ResourceView } from "../derive/tree";
import { Name } from "./name";
import { HealthIcon, SyncIcon } from "./status";

interface GraphNodeProps {
  readonly branch: Branch;
  readonly chosen: boolean;
  readonly onPress: () => void;
}

// Groups and nodes are drawn again only when what they show has changed.
export const GraphNode = memo(
  ({ branch, chosen, onPress }: GraphNodeProps) =>
    branch.kind === "group" ? (
      <GroupNode branch={branch} onPress={onPress} />
    ) : (
      branch.resource && <ResourceNode branch={branch} resource={branch.resource} chosen={chosen} onPress={onPress} />
    ),
  (before, after) => before.branch === after.branch && before.chosen === after.chosen,
);

export function KindMark({ kind }: { kind: string }) {
  return (
    <span className={`kind-mark ${kindFamily(kind)}`} aria-hidden="true">
      {kindMark(kind)}
    </span>
  );
}

interface ResourceNodeProps extends GraphNodeProps {
  readonly resource: ResourceView;
}

function ResourceNode({ branch, resource, chosen, onPress }: ResourceNodeProps) {
  const { kind, name, health, healthMessage, sync, requiresPruning } = resource;
  const button = useRef<HTMLButtonElement>(null);
  usePulse(button, resource.resourceVersion && `${resource.resourceVersion} ${health} ${sync}`);
  const words = [kind, name, health, sync, requiresPruning ? "removed from Git, kept" : ""].filter(Boolean).join(", ");
  return (
    <button
      ref={button}
      type="button"
      className={`node ${branch.kind} ${health ? `is-${HEALTH_TONES[health]}` : ""} ${requiresPruning ? "kept" : ""} ${branch.kind === "app" && resource.doubtful ? "doubtful" : ""}`}
      aria-label={words}
      aria-pressed={chosen}
      title={[`${kind} ${name}`, healthMessage].filter(Boolean).join("\n")}
      data-testid={`tree-node-${kind}-${name}`}
      data-node={branch.id}
      data-health={health}
      data-sync={sync}
      onClick={onPress}
    >
      <KindMark kind={kind} />
      <span className="node-words">
        <span className="node-name">
          <Name text={name} />
        </span>
        <span className="node-kind cut">
          {kind}
          {requiresPruning ? <em> · not in Git</em> : detailOf(resource)}
        </span>
      </span>
      <span className="node-marks">
        {health && <HealthIcon health={health} />}
        {sync && <SyncIcon sync={sync} doubtful={resource.doubtful} />}
      </span>
    </button>
  );
}

/** The one fact that tells siblings apart: ready containers, revision, images. */
function detailOf({ info }: ResourceView): string {
  const words = info.filter(({ name }) => name === "Containers" || name === "Revision").map(({ value }) => value);
  return words.length ? ` · ${words.join(" · ")}` : "";
}

// Dots beyond this tell nothing more than the count does.
const MOST_DOTS = 24;

function GroupNode({ branch, onPress }: { branch: Branch; onPress: () => void }) {
  const kind = branch.members[0]?.kind ?? "";
  return (
    <button
      type="button"
      className="node group"
      aria-label={`${branch.members.length} of kind ${kind}, show each`}
      title="Show each"
      data-testid={`tree-group-${kind}`}
      data-node={branch.id}
      onClick={onPress}
    >
      <KindMark kind={kind} />
      <span className="node-words">
        <span className="node-name">
          {branch.members.length} × {kind}
        </span>
        <span className="dots">
          {branch.members.slice(0, MOST_DOTS).map(({ id, health }) => (
            <i key={id} className={`tone-${health ? HEALTH_TONES[health] : "none"}`} />
          ))}
        </span>
      </span>
    </button>
  );
}

/** A short glow when something about the object has changed. */
function usePulse(button: React.RefObject<HTMLButtonElement | null>, state: string): void {
  const known = useRef(state);
  useEffect(() => {
    const first = known.current === "";
    if (known.current === state) return;
    known.current = state;
    const element = button.current;
    if (first || !element || window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    element.animate([{ boxShadow: "0 0 0 3px var(--focus)" }, { boxShadow: "0 0 0 3px transparent" }], {
      duration: 900,
    });
  }, [button, state]);
}
