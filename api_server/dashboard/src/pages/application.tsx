/** One application, live: how it is, why, what it consists of, and what can be done. */

import { useEffect, useMemo } from "react";
import type { AppRef } from "../api/calls";
import type { Application } from "../api/types";
import { comparedRevision, healthOf, syncOf } from "../derive/application";
import { joinResources, ROOT_ID } from "../derive/tree";
import { ApplicationPanel } from "../parts/application-panel";
import { AppHeader, type Panel } from "../parts/app-header";
import { Conditions } from "../parts/conditions";
import { Bones, Link } from "../parts/controls";
import { DeleteDialog } from "../parts/delete-dialog";
import { HistoryPanel } from "../parts/history-panel";
import { ConnectionBanner, ErrorNotice } from "../parts/notices";
import { OperationCard } from "../parts/operation-card";
import { ResourcePanel, type PanelTab } from "../parts/resource-panel";
import { SyncPanel } from "../parts/sync-panel";
import { TreeView, type TreeShape } from "../parts/tree-view";
import { retry, useApplication, useTree, type Followed } from "../state/application";
import { refresh } from "../state/commands";
import { useShortcuts } from "../state/keys";
import { useNarrow } from "../state/narrow";
import { usePermission } from "../state/permissions";
import { setQuery, useAddress } from "../state/router";

export function ApplicationPage({ namespace, name }: { namespace: string | undefined; name: string }) {
  const ref = useMemo(() => ({ name, namespace }), [name, namespace]);
  const followed = useApplication(ref);
  const app = followed.value;
  useTitle(name, app);
  if (followed.refusal) {
    return <Refused name={name} detail={followed.refusal.message} />;
  }
  if (followed.gone) return <Gone name={name} />;
  // A row of the list knows no resources: the page begins with the whole application.
  if (!app || followed.asOf === undefined) {
    return (
      <div className="page">
        <ConnectionBanner stream={followed.stream} asOf={followed.asOf} onRetry={retry} />
        <Bones rows={10} />
      </div>
    );
  }
  return <Known appRef={ref} app={app} followed={followed} />;
}

interface KnownProps {
  readonly appRef: AppRef;
  readonly app: Application;
  readonly followed: Followed<Application>;
}

const PANELS: readonly Panel[] = ["sync", "history", "delete"];

function Known({ appRef, app, followed }: KnownProps) {
  const { query } = useAddress();
  const tree = useTree(appRef);
  const resources = useMemo(() => joinResources(app, tree.value), [app, tree.value]);
  const syncPermission = usePermission(app, "sync");
  const usual: TreeShape = useNarrow() ? "list" : "graph";
  const asked = query.get("view");
  const shape: TreeShape = asked === "list" || asked === "graph" ? asked : usual;
  const chosen = query.get("node") ?? undefined;
  const resource = chosen === undefined ? undefined : resources.byId.get(chosen);
  const tab = query.get("tab") ?? "summary";
  const panel = PANELS.find((one) => one === query.get("panel"));
  const choose = (id: string | undefined) => setQuery({ node: id === chosen ? undefined : id, tab: undefined });
  const showTab = (next: string) => setQuery({ tab: next === "summary" ? undefined : next });
  const open = (next: Panel) => setQuery({ panel: next });
  const close = () => setQuery({ panel: undefined });
  const show = (next: TreeShape) => setQuery({ view: next === usual ? undefined : next });
  useShortcuts({
    s: () => open("sync"),
    h: () => open("history"),
    r: () => void refresh(app, "normal"),
    g: () => show(shape === "graph" ? "list" : "graph"),
    Escape: () => choose(undefined),
  });
  // Whichever is not told any more, what is shown may no longer be true.
  const lost = followed.stream.kind === "lost" ? followed : tree;
  return (
    <div className={`page application ${lost.stream.kind === "lost" ? "stale" : ""}`}>
      <ConnectionBanner stream={lost.stream} asOf={lost.asOf} onRetry={retry} />
      <AppHeader app={app} resources={resources} syncPermission={syncPermission} onPanel={open} />
      <div className="app-body">
        <div className="app-main">
          <div className="app-notices">
            <Conditions app={app} />
            <OperationCard app={app} permission={syncPermission} />
            {tree.refusal && <ErrorNotice title="The live resources cannot be shown." detail={tree.refusal.message} />}
          </div>
          <TreeView
            app={app}
            resources={resources}
            shape={shape}
            loading={tree.asOf === undefined && !tree.refusal}
            chosen={chosen}
            onChoose={choose}
            onShape={show}
          />
        </div>
        {resource && (
          <ResourcePanel
            key={resource.id}
            app={appRef}
            resource={resource}
            revision={comparedRevision(app)}
            tab={tab as PanelTab}
            onTab={showTab}
            onClose={() => choose(undefined)}
          />
        )}
        {chosen === ROOT_ID && (
          <ApplicationPanel app={app} tab={tab} onTab={showTab} onClose={() => choose(undefined)} />
        )}
      </div>
      {panel === "sync" && <SyncPanel app={app} permission={syncPermission} onClose={close} />}
      {panel === "history" && <HistoryPanel app={app} permission={syncPermission} onClose={close} />}
      {panel === "delete" && <DeleteDialog app={app} onClose={close} />}
    </div>
  );
}

function useTitle(name: string, app: Application | undefined): void {
  const words = app ? ` · ${syncOf(app)}, ${healthOf(app)}` : "";
  useEffect(() => {
    document.title = `${name}${words} · Tiphys`;
  }, [name, words]);
}

function Refused({ name, detail }: { name: string; detail: string }) {
  return (
    <div className="page">
      <div className="lone">
        <ErrorNotice title={`${name} cannot be shown.`} detail={detail} />
        <p className="soft">It may not exist, or your role may not see it.</p>
        <Link to="/applications">To the applications</Link>
      </div>
    </div>
  );
}

function Gone({ name }: { name: string }) {
  return (
    <div className="page">
      <div className="empty" data-testid="app-gone">
        <h1>{name} was deleted</h1>
        <p>Nothing manages its resources any more, if it left any.</p>
        <Link to="/applications">To the applications</Link>
      </div>
    </div>
  );
}
