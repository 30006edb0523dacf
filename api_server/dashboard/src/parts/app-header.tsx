/** The head of an application's page: status, reasons, source, and the commands. */

import { useMemo, useState, type ReactNode } from "react";
import type { Application } from "../api/types";
import {
  authorName,
  clusterOf,
  commitUrl,
  comparedRevision,
  healthOf,
  isDeleting,
  isRunning,
  projectOf,
  shortRevision,
  sourcesOf,
  subjectOf,
  syncOf,
  syncedRevision,
  verdictDoubtful,
} from "../derive/application";
import { reasons } from "../derive/explain";
import { policyWords } from "../derive/policy";
import { ago, clockTime, parseTime } from "../derive/time";
import type { Resources } from "../derive/tree";
import { useCommit } from "../state/application";
import { refresh } from "../state/commands";
import { useCoarseNow } from "../state/now";
import { usePermission, type Permission } from "../state/permissions";
import { Button, Link, Menu } from "./controls";
import { Icon } from "./icons";
import { Chip, HealthStatus, SyncStatus } from "./status";

export type Panel = "sync" | "history" | "delete";

interface AppHeaderProps {
  readonly app: Application;
  readonly resources: Resources;
  readonly syncPermission: Permission;
  readonly onPanel: (panel: Panel) => void;
}

export function AppHeader({ app, resources, syncPermission, onPanel }: AppHeaderProps) {
  const { name } = app.metadata;
  return (
    <header className="app-header">
      <div className="app-title">
        <nav aria-label="Breadcrumb" className="faint">
          <Link to="/applications">Applications</Link> /{" "}
          <Link to={`/applications?project=${encodeURIComponent(projectOf(app))}`}>{projectOf(app)}</Link> /
        </nav>
        <h1 data-testid="app-name">{name}</h1>
        {isDeleting(app) && <Chip tone="bad">Deleting</Chip>}
        <span className="grow" />
        <Commands app={app} syncPermission={syncPermission} onPanel={onPanel} />
      </div>
      <Facts app={app} />
      <Reasons app={app} resources={resources} />
    </header>
  );
}

function Commands({ app, syncPermission, onPanel }: Omit<AppHeaderProps, "resources">) {
  const [busy, setBusy] = useState(false);
  const deletion = usePermission(app, "delete");
  const again = async (depth: "normal" | "hard") => {
    setBusy(true);
    await refresh(app, depth);
    setBusy(false);
  };
  const running = isRunning(app) ? "A sync is running; terminate it or wait." : "";
  return (
    <div className="commands" role="toolbar" aria-label="Commands">
      <Button
        kind="primary"
        icon="sync"
        testId="button-sync"
        title="Sync (S)"
        refusal={syncPermission.reason || running}
        onPress={() => onPanel("sync")}
      >
        Sync
      </Button>
      <span className="joined">
        <Button
          icon="refresh"
          testId="button-refresh"
          title="Compare again (R)"
          busy={busy}
          onPress={() => void again("normal")}
        >
          Refresh
        </Button>
        <Menu
          label="More ways to refresh"
          testId="refresh-menu"
          trigger={<Icon name="down" size={12} />}
          groups={[
            [
              {
                title: "Hard refresh: render anew, trust no cache",
                icon: "refresh",
                testId: "button-hard-refresh",
                onPress: () => void again("hard"),
              },
            ],
          ]}
        />
      </span>
      <Button
        icon="history"
        testId="button-history"
        title="History and rollback (H)"
        onPress={() => onPanel("history")}
      >
        History
      </Button>
      <Button
        kind="danger"
        icon="trash"
        label={`Delete ${app.metadata.name}`}
        testId="button-delete"
        refusal={deletion.reason}
        onPress={() => onPanel("delete")}
      />
    </div>
  );
}

function Facts({ app }: { app: Application }) {
  const doubtful = verdictDoubtful(app);
  const policy = policyWords(app);
  const since = app.status?.health?.lastTransitionTime;
  const now = useCoarseNow();
  return (
    <dl className="app-facts">
      <Fact title="Health">
        <HealthStatus
          value={healthOf(app)}
          doubtful={doubtful}
          testId="app-health"
          title={app.status?.health?.message ?? ""}
        />
        <small title={clockTime(parseTime(since))}>
          {since ? `since ${ago(since, now).replace(" ago", "")}` : app.status?.health?.message}
        </small>
      </Fact>
      <Fact title="Sync status">
        <SyncStatus value={syncOf(app)} doubtful={doubtful} testId="app-sync-status" />
        <small>
          {syncedRevision(app) ? (
            <>
              running <span className="mono">{shortRevision(syncedRevision(app))}</span>
            </>
          ) : (
            "never synced"
          )}
        </small>
      </Fact>
      <RevisionFact app={app} />
      <Fact title="Policy" wide>
        <span data-testid="app-policy">{policy.clauses[0]}</span>
        <small>{policy.clauses.slice(1).join(" · ")}</small>
      </Fact>
      <Fact title="Destination">
        <span className="cut" title={app.spec.destination?.server}>
          {clusterOf(app)}
        </span>
        <small className="cut">{app.spec.destination?.namespace || "no namespace"}</small>
      </Fact>
      <SourceFact app={app} />
    </dl>
  );
}

function Fact({ title, wide = false, children }: { title: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? "wide" : ""}>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function RevisionFact({ app }: { app: Application }) {
  const revision = comparedRevision(app);
  const commit = useCommit(app, revision);
  const now = useCoarseNow();
  const source = sourcesOf(app)[0];
  const url = commitUrl(source?.repoURL ?? "", revision);
  const short = <span className="mono">{shortRevision(revision) || "unknown"}</span>;
  return (
    <Fact title="Revision" wide>
      <span className="cut" title={commit?.message} data-testid="app-revision">
        {url ? (
          <a href={url} target="_blank" rel="noreferrer">
            {short}
          </a>
        ) : (
          short
        )}{" "}
        <span className="soft">{subjectOf(commit)}</span>
      </span>
      <small className="cut">
        {source?.targetRevision}
        {commit?.author && <> · {authorName(commit.author)}</>}
        {commit?.date && <span title={clockTime(parseTime(commit.date))}> · {ago(commit.date, now)}</span>}
      </small>
    </Fact>
  );
}

function SourceFact({ app }: { app: Application }) {
  const sources = sourcesOf(app);
  const [first] = sources;
  return (
    <Fact title={sources.length > 1 ? `Source (1 of ${sources.length})` : "Source"} wide>
      <span className="cut mono" title={sources.map(({ repoURL, place }) => `${repoURL} ${place}`).join("\n")}>
        {first?.place}
      </span>
      <small className="cut" title={first?.repoURL}>
        {first?.repoURL.replace(/^https?:\/\//, "")}
      </small>
    </Fact>
  );
}

function Reasons({ app, resources }: { app: Application; resources: Resources }) {
  const said = useMemo(() => reasons(app, resources.byId.values()), [app, resources]);
  if (said.length === 0) return null;
  return (
    <ul className="reasons" aria-label="Why" data-testid="app-reasons">
      {said.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}
