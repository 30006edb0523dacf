/** Projects: what their applications may use, and who may do what. */

import type { ReactNode } from "react";
import { projects } from "../api/calls";
import type { Project } from "../api/types";
import { Link } from "../parts/controls";
import { ReadPage, type Row } from "../parts/read-page";

export function ProjectsPage() {
  return (
    <ReadPage<Project>
      title="Projects"
      load={projects}
      columns={["Project", "Sources", "Destinations", "Cluster-wide kinds", "Roles", "Sync windows"]}
      empty="Every application needs a project; the first is usually called default."
      row={rowOf}
    />
  );
}

function rowOf(project: Project): Row {
  const { name } = project.metadata;
  const { description, sourceRepos, destinations, clusterResourceWhitelist, roles, syncWindows } = project.spec ?? {};
  const places = destinations?.map(
    ({ name: cluster, server, namespace }) => `${cluster || server || "*"} / ${namespace || "*"}`,
  );
  return {
    key: name,
    testId: `project-row-${name}`,
    cells: [
      <>
        <Link to={`/applications?project=${encodeURIComponent(name)}`}>
          <strong>{name}</strong>
        </Link>
        <div className="soft">{description}</div>
      </>,
      <Lines mono of={sourceRepos} none="none" />,
      <Lines mono of={places} none="none" />,
      <Lines
        mono
        of={clusterResourceWhitelist?.map(({ group, kind }) => [group, kind].filter(Boolean).join("/"))}
        none="none"
      />,
      <Lines
        of={roles?.map(({ name: role, groups }) => (groups?.length ? `${role} (${groups.join(", ")})` : role))}
        none="–"
      />,
      <Lines
        of={syncWindows?.map(
          ({ kind, schedule, duration, timeZone }) => `${kind} ${schedule} for ${duration} ${timeZone ?? ""}`,
        )}
        none="–"
      />,
    ],
  };
}

interface LinesProps {
  readonly of: readonly string[] | undefined;
  readonly none: string;
  readonly mono?: boolean;
}

function Lines({ of, none, mono = false }: LinesProps): ReactNode {
  if (!of?.length) return <span className="faint">{none}</span>;
  return of.map((line) => (
    <div key={line} className={mono ? "mono" : ""}>
      {line}
    </div>
  ));
}
