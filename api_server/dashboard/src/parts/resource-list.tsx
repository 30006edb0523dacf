/** The same resources as rows: kind, name, health, sync status; children indented. */

import { useMemo } from "react";
import { ago } from "../derive/time";
import { flattened, type Branch } from "../derive/tree";
import { useCoarseNow } from "../state/now";
import { KindMark } from "./node";
import { Chip, HealthStatus, SyncStatus } from "./status";

interface ResourceListProps {
  readonly root: Branch;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

export function ResourceList({ root, chosen, onChoose }: ResourceListProps) {
  const rows = useMemo(() => flattened(root), [root]);
  const now = useCoarseNow();
  return (
    <div className="table-frame">
      <table className="table" aria-label="Resources">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Kind</th>
            <th scope="col">Namespace</th>
            <th scope="col">Sync status</th>
            <th scope="col">Health</th>
            <th scope="col">Created</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ resource, depth }) => (
            <tr key={resource.id} aria-selected={resource.id === chosen} onClick={() => onChoose(resource.id)}>
              <td className="name-cell">
                <span className="row-name" style={{ paddingLeft: depth * 22 }}>
                  <KindMark kind={resource.kind} />
                  <button
                    type="button"
                    className="as-link cut"
                    data-testid={`resource-row-${resource.kind}-${resource.name}`}
                  >
                    {resource.name}
                  </button>
                  {resource.requiresPruning && (
                    <Chip tone="warn" title="Removed from Git; pruning is off">
                      not in Git
                    </Chip>
                  )}
                  {resource.hook && <Chip>hook</Chip>}
                </span>
              </td>
              <td className="soft">{resource.kind}</td>
              <td className="soft">{resource.namespace || "–"}</td>
              <td>{resource.sync ? <SyncStatus value={resource.sync} /> : <span className="faint">–</span>}</td>
              <td>
                {resource.health ? (
                  <HealthStatus value={resource.health} title={resource.healthMessage} />
                ) : (
                  <span className="faint">–</span>
                )}
              </td>
              <td className="soft">{resource.createdAt ? ago(resource.createdAt, now) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
