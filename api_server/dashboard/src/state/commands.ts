/** Commands to the server. The answer says accepted or refused; what comes of it shows in the streams. */

import * as calls from "../api/calls";
import { wordsOf } from "../api/http";
import type { Application, SyncRequest } from "../api/types";
import { shortRevision } from "../derive/application";
import { accepted, refused } from "./toasts";

const refOf = (app: Application): calls.AppRef => ({ name: app.metadata.name, namespace: app.metadata.namespace });

/** True if the server took it. */
async function told(title: string, detail: string, failure: string, command: Promise<unknown>): Promise<boolean> {
  try {
    await command;
    accepted(title, detail);
    return true;
  } catch (error) {
    refused(failure, wordsOf(error));
    return false;
  }
}

export function startSync(app: Application, asked: SyncRequest): Promise<boolean> {
  const { name } = app.metadata;
  const what = asked.resources ? `${asked.resources.length} chosen` : "all that differs";
  return told(
    `${asked.dryRun ? "Dry run" : "Sync"} of ${name} requested`,
    `${what}${asked.revision ? `, at ${shortRevision(asked.revision)}` : ""}${asked.prune ? ", with prune" : ""}`,
    `${name} was not synced`,
    calls.sync(refOf(app), asked),
  );
}

export function refresh(app: Application, depth: "normal" | "hard"): Promise<boolean> {
  const { name } = app.metadata;
  const title = depth === "hard" ? `${name} rendered and compared anew` : `${name} compared again`;
  return told(title, "", `${name} was not refreshed`, calls.refresh(refOf(app), depth));
}

export function rollback(app: Application, id: number, revision: string, prune: boolean): Promise<boolean> {
  const { name } = app.metadata;
  return told(
    `Rollback of ${name} requested`,
    `to ${shortRevision(revision)} (history ${id})`,
    `${name} was not rolled back`,
    calls.rollback(refOf(app), id, prune),
  );
}

export function terminate(app: Application): Promise<boolean> {
  const { name } = app.metadata;
  return told(
    `Terminating the sync of ${name}`,
    "",
    `The sync of ${name} was not terminated`,
    calls.terminate(refOf(app)),
  );
}

export function removeApplication(app: Application, cascade: boolean): Promise<boolean> {
  const { name } = app.metadata;
  return told(
    `Deletion of ${name} requested`,
    cascade ? "with its resources" : "its resources stay",
    `${name} was not deleted`,
    calls.removeApplication(refOf(app), cascade),
  );
}
