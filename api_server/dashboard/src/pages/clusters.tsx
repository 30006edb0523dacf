/** The clusters applications go to: can they be reached, and what do they run. */

import { clusters } from "../api/calls";
import type { Cluster } from "../api/types";
import { ago } from "../derive/time";
import { Link } from "../parts/controls";
import { ConnectionWords } from "../parts/connection";
import { ReadPage, type Row } from "../parts/read-page";
import { useCoarseNow } from "../state/now";

export function ClustersPage() {
  const now = useCoarseNow();
  return (
    <ReadPage<Cluster>
      title="Clusters"
      load={clusters}
      columns={["Name", "Connection", "Version", "Applications", "Objects watched", "Checked", "Server"]}
      empty="Register one with: tiphys cluster add CONTEXT"
      row={(cluster) => rowOf(cluster, now)}
    />
  );
}

function rowOf(cluster: Cluster, now: number): Row {
  const { name, server, info } = cluster;
  const connection = info?.connectionState?.status ? info.connectionState : cluster.connectionState;
  const title = name || server;
  return {
    key: server,
    testId: `cluster-row-${title}`,
    cells: [
      <>
        <Link to={`/applications?cluster=${encodeURIComponent(title)}`}>
          <strong>{title}</strong>
        </Link>
        {cluster.project && <span className="faint"> project {cluster.project}</span>}
      </>,
      <ConnectionWords connection={connection} now={now} />,
      <span className="mono">{info?.serverVersion || cluster.serverVersion || "–"}</span>,
      info?.applicationsCount ?? "–",
      info?.cacheInfo?.resourcesCount?.toLocaleString() ?? "–",
      <span className="soft">{connection?.attemptedAt ? ago(connection.attemptedAt, now) : "–"}</span>,
      <span className="mono soft">{server}</span>,
    ],
  };
}
