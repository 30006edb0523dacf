/** Everything about one resource, beside the tree: summary, manifests, difference, events. */

import { useMemo, useState } from "react";
import { liveManifest, type AppRef } from "../api/calls";
import type { ResourceDiff } from "../api/types";
import { factOf } from "../derive/amounts";
import { resourceDiff, countOfDiff, decoded } from "../derive/preview";
import { ago, clockTime, parseTime } from "../derive/time";
import type { ResourceView } from "../derive/tree";
import { toYaml } from "../derive/yaml";
import { useLoaded, useManagedResource, type Loaded } from "../state/application";
import { useNow } from "../state/now";
import { CodeView, DiffView, type DiffShape } from "./code";
import { Bones, Segmented, Tabs } from "./controls";
import { EventList } from "./events";
import { Icon } from "./icons";
import { Name } from "./name";
import { KindMark } from "./node";
import { ErrorNotice } from "./notices";
import { Drawer } from "./overlay";
import { HealthStatus, SyncStatus } from "./status";

export type PanelTab = "summary" | "live" | "desired" | "diff" | "events";

interface ResourcePanelProps {
  readonly app: AppRef;
  readonly resource: ResourceView;
  /** The commit that it is compared with. */
  readonly revision: string;
  readonly tab: PanelTab;
  readonly onTab: (tab: PanelTab) => void;
  readonly onClose: () => void;
}

export function ResourcePanel({ app, resource, revision, tab, onTab, onClose }: ResourcePanelProps) {
  const isManaged = resource.sync !== undefined;
  const state = [resource.resourceVersion, resource.sync, resource.health, revision].join(" ");
  const managed = useManagedResource(app, isManaged ? resource : undefined, state);
  const diff = managed.value;
  const tabs = [
    { id: "summary" as const, title: "Summary", testId: "panel-tab-summary" },
    { id: "live" as const, title: "Live", testId: "panel-tab-live" },
    ...(isManaged
      ? [
          { id: "desired" as const, title: "Desired", testId: "panel-tab-desired" },
          { id: "diff" as const, title: <DiffTitle diff={diff} />, testId: "panel-tab-diff" },
        ]
      : []),
    { id: "events" as const, title: "Events", testId: "panel-tab-events" },
  ];
  const shown = tabs.some(({ id }) => id === tab) ? tab : "summary";
  return (
    <Drawer
      beside
      label={`${resource.kind} ${resource.name}`}
      testId="resource-panel"
      onClose={onClose}
      title={
        <div className="panel-title">
          <KindMark kind={resource.kind} />
          <div className="grow">
            <h2 title={resource.name}>
              <Name text={resource.name} />
            </h2>
            <span className="faint">
              {resource.kind}
              {resource.namespace && ` in ${resource.namespace}`}
            </span>
          </div>
        </div>
      }
    >
      <div className="panel-tabs">
        <Tabs label="About the resource" tabs={tabs} chosen={shown} onChoose={onTab} />
      </div>
      <div className="panel-body">
        {shown === "summary" && <Summary resource={resource} />}
        {shown === "live" && <LiveManifest app={app} resource={resource} />}
        {shown === "desired" && <Desired managed={managed} diff={diff} />}
        {shown === "diff" && <Diff managed={managed} diff={diff} resource={resource} />}
        {shown === "events" && <EventList app={app} of={resource} />}
      </div>
    </Drawer>
  );
}

function DiffTitle({ diff }: { diff: ResourceDiff | undefined }) {
  const { added, removed } = useMemo(() => countOfDiff(diff), [diff]);
  return (
    <>
      Diff{" "}
      {added + removed > 0 && (
        <span className="line-counts">
          <span className="tone-good">+{added}</span> <span className="tone-bad">−{removed}</span>
        </span>
      )}
    </>
  );
}

function Summary({ resource }: { resource: ResourceView }) {
  const now = useNow();
  const api = [resource.group, resource.version].filter(Boolean).join("/");
  return (
    <div className="pad">
      {resource.requiresPruning && (
        <div className="notice tone-warn" role="status" data-testid="kept-notice">
          <Icon name="info" />
          <div>
            <strong>Kept although removed from Git.</strong> The policy does not prune. A sync with prune deletes it.
          </div>
        </div>
      )}
      {resource.healthMessage && resource.health !== "Healthy" && (
        <div className={`notice ${resource.health === "Degraded" ? "tone-bad" : "tone-busy"}`} role="status">
          <Icon name={resource.health === "Degraded" ? "warn" : "info"} />
          <div className="grow">{resource.healthMessage}</div>
        </div>
      )}
      <dl className="facts">
        {resource.health && (
          <>
            <dt>Health</dt>
            <dd>
              <HealthStatus value={resource.health} />
            </dd>
          </>
        )}
        {resource.sync && (
          <>
            <dt>Sync status</dt>
            <dd>
              <SyncStatus value={resource.sync} doubtful={resource.doubtful} />
            </dd>
          </>
        )}
        <dt>Kind</dt>
        <dd>
          {resource.kind} <span className="faint">{api}</span>
        </dd>
        <dt>Name</dt>
        <dd className="mono">{resource.name}</dd>
        {resource.namespace && (
          <>
            <dt>Namespace</dt>
            <dd className="mono">{resource.namespace}</dd>
          </>
        )}
        {resource.createdAt && (
          <>
            <dt>Created</dt>
            <dd title={clockTime(parseTime(resource.createdAt))}>{ago(resource.createdAt, now)}</dd>
          </>
        )}
        {resource.info.map(({ name, value }) => (
          <FactRow key={name} {...factOf(name, value)} />
        ))}
        {resource.images.length > 0 && (
          <>
            <dt>{resource.images.length === 1 ? "Image" : "Images"}</dt>
            <dd>
              {resource.images.map((image) => (
                <div key={image} className="mono">
                  {image}
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
    </div>
  );
}

function FactRow({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function LiveManifest({ app, resource }: { app: AppRef; resource: ResourceView }) {
  const key = `${resource.id} ${resource.resourceVersion} ${resource.health}`;
  const { value, error, loading } = useLoaded(key, () => liveManifest(app, resource));
  const text = useMemo(() => {
    const object = decoded(value?.manifest);
    if (object && typeof object["metadata"] === "object") {
      object["metadata"] = { ...(object["metadata"] as object), managedFields: undefined };
    }
    return object ? toYaml(JSON.parse(JSON.stringify(object))) : "";
  }, [value]);
  if (text) return <CodeView text={text} label="live manifest" />;
  if (error)
    return (
      <div className="pad">
        <ErrorNotice title="The live manifest cannot be shown." detail={error} />
      </div>
    );
  return loading ? (
    <Bones rows={14} />
  ) : (
    <Nothing title="Not in the cluster" words="There is no live object of this name." />
  );
}

interface ManagedProps {
  readonly managed: Loaded<ResourceDiff | undefined>;
  readonly diff: ResourceDiff | undefined;
}

function Desired({ managed, diff }: ManagedProps) {
  const text = useMemo(() => {
    const object = decoded(diff?.targetState);
    return object ? toYaml(object) : "";
  }, [diff]);
  if (text) return <CodeView text={text} label="desired manifest" />;
  return <Waiting managed={managed} title="Not in Git" words="Git no longer asks for this resource." />;
}

const ROOM_FOR_TWO = 1280;

function Diff({ managed, diff, resource }: ManagedProps & { resource: ResourceView }) {
  const [shape, setShape] = useState<DiffShape>(() => (window.innerWidth >= ROOM_FOR_TWO ? "split" : "unified"));
  const lines = useMemo(() => (diff ? resourceDiff(diff) : []), [diff]);
  if (!diff)
    return (
      <Waiting managed={managed} title="No difference known" words="The comparison has nothing on this resource yet." />
    );
  const differs = lines.some(({ kind }) => kind !== "same");
  return (
    <div className="panel-diff" data-testid="panel-diff">
      {differs ? (
        <>
          <div className="panel-strip">
            <span className="soft grow">{sayDiff(resource)}</span>
            <Segmented
              label="Shape of the difference"
              chosen={shape}
              onChoose={setShape}
              choices={[
                { id: "split", title: "Side by side" },
                { id: "unified", title: "Unified" },
              ]}
            />
          </div>
          <DiffView lines={lines} shape={shape} before="Live" after="After a sync" />
        </>
      ) : (
        <Nothing title="No difference" words="Live is exactly what Git asks for." />
      )}
    </div>
  );
}

function sayDiff(resource: ResourceView): string {
  if (resource.requiresPruning) return "A sync with prune deletes this resource.";
  return resource.health === "Missing" ? "A sync creates this resource." : "What a sync would change.";
}

function Waiting({ managed, title, words }: { managed: Loaded<unknown>; title: string; words: string }) {
  if (managed.error)
    return (
      <div className="pad">
        <ErrorNotice title="The comparison cannot be shown." detail={managed.error} />
      </div>
    );
  return managed.loading && managed.value === undefined ? <Bones rows={14} /> : <Nothing title={title} words={words} />;
}

function Nothing({ title, words }: { title: string; words: string }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p>{words}</p>
    </div>
  );
}
