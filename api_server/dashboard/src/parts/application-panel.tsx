/** Everything about the application itself, beside the tree: facts and owner, manifest, parameters, events. */

import { useMemo, type ReactNode } from "react";
import { manifests } from "../api/calls";
import type { Application } from "../api/types";
import {
  clusterOf,
  comparedRevision,
  healthOf,
  keyOf,
  projectOf,
  setOf,
  sourcesOf,
  syncOf,
} from "../derive/application";
import { parametersOf, type Parameter } from "../derive/parameters";
import { policySentence } from "../derive/policy";
import { ago, clockTime, parseTime } from "../derive/time";
import { toYaml } from "../derive/yaml";
import { useLoaded } from "../state/application";
import { useCoarseNow } from "../state/now";
import { CodeView } from "./code";
import { Bones, Link, Tabs } from "./controls";
import { EventList } from "./events";
import { Icon } from "./icons";
import { Name } from "./name";
import { KindMark } from "./node";
import { ErrorNotice } from "./notices";
import { Drawer } from "./overlay";
import { HealthStatus, SyncStatus } from "./status";

const TABS = [
  { id: "summary", title: "Summary", testId: "panel-tab-summary" },
  { id: "manifest", title: "Manifest", testId: "panel-tab-manifest" },
  { id: "parameters", title: "Parameters", testId: "panel-tab-parameters" },
  { id: "events", title: "Events", testId: "panel-tab-events" },
] as const;

interface ApplicationPanelProps {
  readonly app: Application;
  readonly tab: string;
  readonly onTab: (tab: string) => void;
  readonly onClose: () => void;
}

export function ApplicationPanel({ app, tab, onTab, onClose }: ApplicationPanelProps) {
  const { name, namespace } = app.metadata;
  const shown = TABS.find(({ id }) => id === tab)?.id ?? "summary";
  return (
    <Drawer
      beside
      label={`Application ${name}`}
      testId="application-panel"
      onClose={onClose}
      title={
        <div className="panel-title">
          <KindMark kind="Application" />
          <div className="grow">
            <h2 title={name}>
              <Name text={name} />
            </h2>
            <span className="faint">Application{namespace && ` in ${namespace}`}</span>
          </div>
        </div>
      }
    >
      <div className="panel-tabs">
        <Tabs label="About the application" tabs={TABS} chosen={shown} onChoose={onTab} />
      </div>
      <div className="panel-body">
        {shown === "summary" && <Summary app={app} />}
        {shown === "manifest" && <Manifest app={app} />}
        {shown === "parameters" && <Parameters app={app} />}
        {shown === "events" && <EventList app={{ name, namespace }} />}
      </div>
    </Drawer>
  );
}

function Summary({ app }: { app: Application }) {
  const now = useCoarseNow();
  const { creationTimestamp, labels } = app.metadata;
  const images = app.status?.summary?.images ?? [];
  return (
    <div className="pad">
      <dl className="facts">
        <Fact title="Health">
          <HealthStatus value={healthOf(app)} />
        </Fact>
        <Fact title="Sync status">
          <SyncStatus value={syncOf(app)} />
        </Fact>
        <Fact title="Owner">
          <Owner app={app} />
        </Fact>
        <Fact title="Project">
          <Link to={`/applications?project=${encodeURIComponent(projectOf(app))}`}>{projectOf(app)}</Link>
        </Fact>
        <Fact title="Destination">
          {clusterOf(app)} / {app.spec.destination?.namespace || "no namespace"}
        </Fact>
        <Fact title="Policy">{policySentence(app)}</Fact>
        {sourcesOf(app).map(({ repoURL, place, targetRevision }, index) => (
          <Fact key={index} title="Source">
            <span className="mono">
              {repoURL} {place} @ {targetRevision}
            </span>
          </Fact>
        ))}
        {app.status?.sourceType && <Fact title="Rendered by">{app.status.sourceType}</Fact>}
        {creationTimestamp && (
          <Fact title="Created">
            <span title={clockTime(parseTime(creationTimestamp))}>{ago(creationTimestamp, now)}</span>
          </Fact>
        )}
        {app.status?.reconciledAt && (
          <Fact title="Compared">
            <span title={clockTime(parseTime(app.status.reconciledAt))}>{ago(app.status.reconciledAt, now)}</span>
          </Fact>
        )}
        {labels && Object.keys(labels).length > 0 && (
          <Fact title="Labels">
            {Object.entries(labels).map(([key, value]) => (
              <div key={key} className="mono">
                {key}={value}
              </div>
            ))}
          </Fact>
        )}
        {images.length > 0 && (
          <Fact title={images.length === 1 ? "Image" : "Images"}>
            {images.map((image) => (
              <div key={image} className="mono">
                {image}
              </div>
            ))}
          </Fact>
        )}
      </dl>
    </div>
  );
}

function Owner({ app }: { app: Application }) {
  const set = setOf(app);
  const others = (app.metadata.ownerReferences ?? []).filter(({ kind }) => kind !== "ApplicationSet");
  if (!set && others.length === 0) return <span className="faint">None: somebody wrote it by hand</span>;
  return (
    <>
      {set && (
        <div data-testid="app-owner">
          ApplicationSet <strong>{set}</strong>
          <div className="soft">It writes this application: what is changed here by hand, it changes back.</div>
        </div>
      )}
      {others.map(({ kind, name, uid }) => (
        <div key={uid ?? name}>
          {kind} <strong>{name}</strong>
        </div>
      ))}
    </>
  );
}

function Fact({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Manifest({ app }: { app: Application }) {
  const text = useMemo(() => {
    const { metadata, spec, status, operation } = app;
    const shown = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: { ...metadata, managedFields: undefined },
      spec,
      operation,
      status,
    };
    return toYaml(JSON.parse(JSON.stringify(shown)));
  }, [app]);
  return <CodeView text={text} label="manifest of the application" />;
}

function Parameters({ app }: { app: Application }) {
  const sources = useMemo(() => parametersOf(app), [app]);
  return (
    <div className="pad" data-testid="app-parameters">
      {sources.map(({ title, rows }, index) => (
        <section key={index} aria-label={title}>
          {sources.length > 1 && <h3 className="mono">{title}</h3>}
          {rows.length === 0 ? (
            <p className="soft">The application says nothing to its renderer: the repository's own values hold.</p>
          ) : (
            <dl className="facts parameters">
              {rows.map((row) => (
                <ParameterRow key={row.name} row={row} />
              ))}
            </dl>
          )}
        </section>
      ))}
      <SkippedFiles app={app} />
    </div>
  );
}

function ParameterRow({ row: { name, value, long } }: { row: Parameter }) {
  return (
    <Fact title={name}>{long ? <pre className="long-value">{value}</pre> : <span className="mono">{value}</span>}</Fact>
  );
}

/** Files that were read and brought nothing, so that nobody waits for what they hold. */
function SkippedFiles({ app }: { app: Application }) {
  const ref = { name: app.metadata.name, namespace: app.metadata.namespace };
  const { value, error, loading } = useLoaded(`${keyOf(app)} ${comparedRevision(app)}`, (signal) =>
    manifests(ref, signal),
  );
  if (error) return <ErrorNotice title="What is rendered cannot be shown." detail={error} />;
  if (loading && !value) return <Bones rows={3} />;
  const skipped = value?.skippedFiles ?? [];
  if (skipped.length === 0) return null;
  return (
    <section aria-label="Files that were skipped" data-testid="skipped-files">
      <div className="notice tone-warn">
        <Icon name="info" />
        <div className="grow">
          <strong>{skipped.length === 1 ? "1 file was skipped." : `${skipped.length} files were skipped.`}</strong>{" "}
          Nothing in them is deployed.
          <ul className="skipped">
            {skipped.map(({ path, reason }) => (
              <li key={path}>
                <span className="mono">{path}</span> {reason && <span className="soft">{reason}</span>}
              </li>
            ))}
          </ul>
        </div>
      </div>
    </section>
  );
}
