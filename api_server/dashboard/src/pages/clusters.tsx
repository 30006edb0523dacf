/** The clusters applications go to: can they be reached, and what do they run. */

import { clusters } from "../api/calls";
import type { Cluster } from "../api/types";
import { ago } from "../derive/time";
import { connectionTone } from "../derive/tone";
import { Link } from "../parts/controls";
import { ReadPage } from "../parts/read-page";
import { Chip } from "../parts/status";
import { useCoarseNow } from "../state/now";

export function ClustersPage() {
  const now = useCoarseNow();
  return (
    <ReadPage<Cluster>
      title="Clusters"
      load={clusters}
      columns={["Name", "Connection", "Version", "Applications", "Objects watched", "Checked", "Server"]}
      empty="Register one with: tiphys cluster add CONTEXT"
      row={(cluster) => <Row key={cluster.server} cluster={cluster} now={now} />}
    />
  );
}

function Row({ cluster, now }: { cluster: Cluster; now: number }) {
  const { name, server, info } = cluster;
  const connection = info?.connectionState?.status ? info.connectionState : cluster.connectionState;
  const words = connection?.status === "Successful" ? "Connected" : connection?.status || "Unknown";
  return (
    <tr data-testid={`cluster-row-${name || server}`}>
      <td>
        <Link to={`/applications?cluster=${encodeURIComponent(name || server)}`}>
          <strong>{name || server}</strong>
        </Link>
        {cluster.project && <span className="faint"> project {cluster.project}</span>}
      </td>
      <td>
        <Chip tone={connectionTone(connection?.status)}>{words}</Chip>
        {connection?.status !== "Successful" && connection?.message && (
          <div className="row-message">{connection.message}</div>
        )}
      </td>
      <td className="mono">{info?.serverVersion || cluster.serverVersion || "–"}</td>
      <td>{info?.applicationsCount ?? "–"}</td>
      <td>{info?.cacheInfo?.resourcesCount?.toLocaleString() ?? "–"}</td>
      <td className="soft">{connection?.attemptedAt ? ago(connection.attemptedAt, now) : "–"}</td>
      <td className="mono soft">{server}</td>
    </tr>
  );
}
