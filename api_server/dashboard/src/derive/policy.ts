/** A sync policy in words. */

import type { Application, Automated } from "../api/types";

export interface PolicyWords {
  /** One or two words for a table cell. */
  readonly short: string;
  /** What happens to a new commit, to a removed file and to a change by hand. */
  readonly clauses: readonly string[];
}

export const automatedOf = (app: Application): Automated | null => app.spec.syncPolicy?.automated ?? null;

/** Does a new commit go out by itself? */
export function syncsNewCommits(app: Application): boolean {
  const automated = automatedOf(app);
  return automated !== null && automated.enabled !== false;
}

export const prunesByPolicy = (app: Application): boolean => Boolean(automatedOf(app)?.prune);

export function policyWords(app: Application): PolicyWords {
  const automated = automatedOf(app);
  if (automated === null) {
    return { short: "Manual", clauses: ["manual", "syncs only when someone asks"] };
  }
  const heals = Boolean(automated.selfHeal);
  if (automated.enabled === false) {
    return {
      short: heals ? "Manual, heals" : "Manual",
      clauses: [
        "manual for new commits",
        heals ? "heals drift to the last synced revision" : "leaves drift alone",
        prunes(automated),
      ],
    };
  }
  return {
    short: "Automatic",
    clauses: ["automatic", prunes(automated), heals ? "heals drift" : "leaves drift alone"],
  };
}

function prunes(automated: Automated): string {
  return automated.prune ? "prunes" : "keeps what Git removed";
}

export function policySentence(app: Application): string {
  const text = policyWords(app).clauses.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
