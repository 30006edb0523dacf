/** Projects: what their applications may use, and who may do what. */

import type { ReactNode } from "react";
import { projects } from "../api/calls";
import type { Project } from "../api/types";
import { Link } from "../parts/controls";
import { ReadPage } from "../parts/read-page";

export function ProjectsPage() {
  return (
    <ReadPage<Project>
      title="Projects"
      load={projects}
      columns={["Project", "Sources", "Destinations", "Cluster-wide kinds", "Roles", "Sync windows"]}
      empty="Every application needs a project; the first is usually called default."
      row={(project) => <Row key={project.metadata.name} project={project} />}
    />
  );
}

function Row({ project }: { project: Project }) {
  const { name } = project.metadata;
  const spec = project.spec ?? {};
  return (
    <tr data-testid={`project-row-${name}`}>
      <td>
        <Link to={`/applications?project=${encodeURIComponent(name)}`}>
          <strong>{name}</strong>
        </Link>
        <div className="soft">{spec.description}</div>
      </td>
      <td className="mono">
        <Lines of={spec.sourceRepos} none="none" />
      </td>
      <td className="mono">
        <Lines
          of={spec.destinations?.map(
            ({ name: cluster, server, namespace }) => `${cluster || server || "*"} / ${namespace || "*"}`,
          )}
          none="none"
        />
      </td>
      <td className="mono">
        <Lines
          of={spec.clusterResourceWhitelist?.map(({ group, kind }) => [group, kind].filter(Boolean).join("/"))}
          none="none"
        />
      </td>
      <td>
        <Lines
          of={spec.roles?.map(({ name: role, groups }) => (groups?.length ? `${role} (${groups.join(", ")})` : role))}
          none="–"
        />
      </td>
      <td>
        <Lines
          of={spec.syncWindows?.map(
            ({ kind, schedule, duration, timeZone }) => `${kind} ${schedule} for ${duration} ${timeZone ?? ""}`,
          )}
          none="–"
        />
      </td>
    </tr>
  );
}

function Lines({ of, none }: { of: readonly string[] | undefined; none: string }): ReactNode {
  if (!of?.length) return <span className="faint">{none}</span>;
  return of.map((line) => <div key={line}>{line}</div>);
}
