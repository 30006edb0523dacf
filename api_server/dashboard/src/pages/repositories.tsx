/** The repositories that desired state comes from. */

import { repositories } from "../api/calls";
import type { Repository } from "../api/types";
import { ago } from "../derive/time";
import { ConnectionWords } from "../parts/connection";
import { ReadPage, type Row } from "../parts/read-page";
import { useCoarseNow } from "../state/now";

export function RepositoriesPage() {
  const now = useCoarseNow();
  return (
    <ReadPage<Repository>
      title="Repositories"
      load={repositories}
      columns={["Repository", "Type", "Connection", "Checked", "Project", "Credentials"]}
      empty="A repository without credentials needs no entry; others are Secrets in the management cluster."
      row={(repository) => rowOf(repository, now)}
    />
  );
}

function rowOf(repository: Repository, now: number): Row {
  const { repo, type, name, project, username, connectionState: connection } = repository;
  return {
    key: `${repo} ${project ?? ""}`,
    testId: `repository-row-${repo}`,
    cells: [
      <>
        <span className="mono">{repo}</span>
        {name && <span className="faint"> {name}</span>}
      </>,
      type || "git",
      <ConnectionWords connection={connection} now={now} />,
      <span className="soft">{connection?.attemptedAt ? ago(connection.attemptedAt, now) : "–"}</span>,
      <span className="soft">{project || "all"}</span>,
      <span className="soft">{username ? `as ${username}` : "–"}</span>,
    ],
  };
}
