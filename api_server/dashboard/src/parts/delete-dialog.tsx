/** Deleting an application: the name has to be typed, and what happens to its resources is said first. */

import { useState } from "react";
import type { Application } from "../api/types";
import { clusterOf, setOf } from "../derive/application";
import { counted } from "../derive/explain";
import { removeApplication } from "../state/commands";
import { Button, Check } from "./controls";
import { Icon } from "./icons";
import { Dialog } from "./overlay";

export function DeleteDialog({ app, onClose }: { app: Application; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [cascade, setCascade] = useState(true);
  const [busy, setBusy] = useState(false);
  const { name } = app.metadata;
  const set = setOf(app);
  const resources = counted((app.status?.resources ?? []).length, "resource");
  const submit = async () => {
    if (typed !== name || busy) return;
    setBusy(true);
    await removeApplication(app, cascade);
    onClose();
  };
  return (
    <Dialog
      label={`Delete ${name}`}
      testId="delete-dialog"
      onClose={onClose}
      title={<h2>Delete {name}?</h2>}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="danger solid"
            icon="trash"
            testId="delete-submit"
            busy={busy}
            refusal={typed === name ? "" : "Type the name of the application first."}
            onPress={() => void submit()}
          >
            Delete {cascade ? "with its resources" : "the application only"}
          </Button>
        </>
      }
    >
      <form
        className="pad"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div className={`notice ${cascade ? "tone-bad" : "tone-warn"}`}>
          <Icon name="warn" />
          <span>
            {cascade
              ? `${resources} on ${clusterOf(app)} will be deleted with it.`
              : `${resources} on ${clusterOf(app)} keep running; nothing manages them any more.`}
          </span>
        </div>
        {set && (
          <div className="notice tone-warn" data-testid="delete-set-notice">
            <Icon name="info" />
            <span>
              <strong>ApplicationSet {set} will make it again,</strong> usually within seconds, and a new application
              syncs as its policy says. To be rid of it, take it out of what {set} generates (its generators, or the
              directory or file in Git they read), or delete {set} itself.
            </span>
          </div>
        )}
        <Check checked={cascade} onChange={setCascade} testId="delete-cascade">
          Delete its resources too
        </Check>
        <label className="field">
          <span>
            Type <code>{name}</code> to confirm
          </span>
          <input
            className="input mono"
            data-autofocus
            data-testid="delete-confirm"
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      </form>
    </Dialog>
  );
}
