/** The repositories that desired state comes from. */

import { repositories } from "../api/calls";
import type { Repository } from "../api/types";
import { connectionTone } from "../derive/tone";
import { ReadPage } from "../parts/read-page";
import { Chip } from "../parts/status";

export function RepositoriesPage() {
  return (
    <ReadPage<Repository>
      title="Repositories"
      load={repositories}
      columns={["Repository", "Type", "Connection", "Project", "Credentials"]}
      empty="A repository without credentials needs no entry; others are Secrets in the management cluster."
      row={(repository) => <Row key={`${repository.repo} ${repository.project ?? ""}`} repository={repository} />}
    />
  );
}

function Row({ repository }: { repository: Repository }) {
  const { repo, type, name, project, username, connectionState: connection } = repository;
  return (
    <tr data-testid={`repository-row-${repo}`}>
      <td>
        <span className="mono">{repo}</span>
        {name && <span className="faint"> {name}</span>}
      </td>
      <td>{type || "git"}</td>
      <td>
        <Chip tone={connectionTone(connection?.status)}>
          {connection?.status === "Successful" ? "Connected" : connection?.status || "Unknown"}
        </Chip>
        {connection?.status === "Failed" && <div className="row-message">{connection.message}</div>}
      </td>
      <td className="soft">{project || "all"}</td>
      <td className="soft">{username ? `as ${username}` : "–"}</td>
    </tr>
  );
}
