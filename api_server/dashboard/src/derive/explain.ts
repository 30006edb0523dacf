/** Why an application looks as it does, and what a person can do about it. */

import type { Application } from "../api/types";
import type { ResourceView } from "./tree";
import {
  comparedRevision,
  errorsOf,
  hasNewCommit,
  keptResources,
  shortRevision,
  syncOf,
  syncedRevision,
} from "./application";
import { syncsNewCommits } from "./policy";

/** One sentence per reason that the application is not simply Synced; none if it is. */
export function reasons(app: Application, resources: Iterable<ResourceView>): string[] {
  if (errorsOf(app).some(({ type }) => type !== "SyncError")) {
    return [
      "The comparison failed, so nothing is known for sure and nothing will be changed. The error below says why.",
    ];
  }
  if (syncOf(app) !== "OutOfSync") return [];
  const differing = [...resources].filter(({ sync, requiresPruning }) => sync === "OutOfSync" && !requiresPruning);
  return [commitReason(app, differing.length > 0), differenceReason(differing), keptReason(app)].filter(
    (reason) => reason !== "",
  );
}

function commitReason(app: Application, differs: boolean): string {
  const revision = shortRevision(comparedRevision(app));
  const synced = syncedRevision(app);
  if (!synced)
    return `Never synced: ${syncsNewCommits(app) ? "the first sync is due" : "the first sync is up to a person"}.`;
  if (!hasNewCommit(app)) return "";
  if (syncsNewCommits(app)) {
    // With nothing left to apply, only what is kept makes the difference.
    return differs
      ? `Commit ${revision} is newer than the synced ${shortRevision(synced)} and goes out by itself.`
      : "";
  }
  return `Commit ${revision} waits: new commits go out only when someone syncs; ${shortRevision(synced)} is running.`;
}

function differenceReason(differing: readonly ResourceView[]): string {
  if (differing.length === 0) return "";
  const missing = differing.filter(({ health }) => health === "Missing").length;
  const changed = differing.length - missing;
  const parts = [
    ...(changed ? [`${counted(changed, "resource")} ${changed === 1 ? "differs" : "differ"} from Git`] : []),
    ...(missing ? [`${counted(missing, "resource")} ${missing === 1 ? "is" : "are"} missing`] : []),
  ];
  return `${capital(parts.join(", "))}.`;
}

function keptReason(app: Application): string {
  const kept = keptResources(app).length;
  if (kept === 0) return "";
  return `${counted(kept, "resource")} removed from Git ${kept === 1 ? "is" : "are"} kept: a sync with prune deletes ${kept === 1 ? "it" : "them"}.`;
}

export function counted(count: number, noun: string): string {
  const many = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count} ${count === 1 ? noun : many}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What a person can do about a condition, by its type. */
const REMEDIES: Readonly<Record<string, string>> = {
  ComparisonError:
    "Nothing is changed or pruned meanwhile. Fix what the message names in Git or in the repository's or cluster's access, then refresh.",
  InvalidSpecError: "Correct the application's source, destination or project; its project must allow both.",
  SyncError: "This revision is not tried again by itself. Push a fix, or sync by hand once the cause is gone.",
  DeletionError: "Remove what blocks the deletion, or delete the application without its resources.",
  UnknownError: "Refresh; if it stays, the controller's log has more.",
  SharedResourceWarning: "Let only one application declare the object.",
  RepeatedResourceWarning: "Declare the object once; the last declaration wins until then.",
  ExcludedResourceWarning: "The settings or the project exclude it, so it is neither compared nor synced.",
  OrphanedResourceWarning: "Objects in the namespace belong to no application: add them to Git or remove them.",
};

export function remedy(type: string): string {
  return REMEDIES[type] ?? "";
}

const COMMIT = /\bcommit ([0-9a-f]{7,40})\b(?: by ([^)\n]+))?/;
const SINCE = /\b(?:since|last heard at) (\d{4}-\d\d-\d\dT[\d:.]+Z)/;

/** The commit that a condition is about and who made it, if it names them. */
export function commitIn(message: string | undefined): { commit: string; author: string } {
  const [, commit = "", author = ""] = COMMIT.exec(message ?? "") ?? [];
  return { commit, author };
}

/** The moment since when something has been silent, if that is what a message says. */
export const silentSince = (message: string | undefined): string => SINCE.exec(message ?? "")?.[1] ?? "";
