/** The sync panel over a page that knows an application only by its row: it looks up the rest itself. */

import type { Application } from "../api/types";
import { useApplication } from "../state/application";
import { usePermission } from "../state/permissions";
import { Bones } from "./controls";
import { ErrorNotice } from "./notices";
import { Drawer } from "./overlay";
import { SyncPanel } from "./sync-panel";

export function SyncPanelFor({ app: row, onClose }: { app: Application; onClose: () => void }) {
  const ref = { name: row.metadata.name, namespace: row.metadata.namespace };
  const { value: app, asOf, refusal } = useApplication(ref);
  const permission = usePermission(row, "sync");
  // A row has no resources: wait for the whole application.
  if (app && asOf !== undefined) return <SyncPanel app={app} permission={permission} onClose={onClose} />;
  return (
    <Drawer wide label={`Sync ${ref.name}`} title={<h2>Sync {ref.name}</h2>} onClose={onClose}>
      {refusal ? (
        <div className="pad">
          <ErrorNotice title="The application cannot be shown." detail={refusal.message} />
        </div>
      ) : (
        <Bones rows={10} />
      )}
    </Drawer>
  );
}
