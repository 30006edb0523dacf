/** What the user may do, asked of the server once per question; the server decides again at every command. */

import { useEffect, useMemo } from "react";
import { canI } from "../api/calls";
import type { Application } from "../api/types";
import { projectOf } from "../derive/application";
import { Store, useStore } from "./external";

export type Action = "sync" | "delete" | "get";
type Answer = "asking" | "yes" | "no";

const answers = new Store<ReadonlyMap<string, Answer>>(new Map());

function question(app: Application, action: Action): string {
  return `${action} ${projectOf(app)}/${app.metadata.name}`;
}

export function forgetPermissions(): void {
  answers.set(new Map());
}

export function askPermission(app: Application, action: Action): void {
  const key = question(app, action);
  if (answers.get().has(key)) return;
  const answer = (value: Answer) => answers.update((known) => new Map(known).set(key, value));
  answer("asking");
  canI(action, projectOf(app), app.metadata.name).then(
    ({ value }) => answer(value === "yes" ? "yes" : "no"),
    // Without an answer the button stays usable: the server has the last word anyway.
    () => answer("yes"),
  );
}

export interface Permission {
  readonly allowed: boolean;
  /** Why not, for the tooltip. */
  readonly reason: string;
}

const ALLOWED: Permission = { allowed: true, reason: "" };

/** Asks at once, and answers "allowed" until it knows better. */
export function usePermission(app: Application | undefined, action: Action): Permission {
  useEffect(() => {
    if (app) askPermission(app, action);
  }, [app, action]);
  return useKnownPermission(app, action);
}

/** What is known without asking. */
export function useKnownPermission(app: Application | undefined, action: Action): Permission {
  const known = useStore(answers);
  const refusedNow = app !== undefined && known.get(question(app, action)) === "no";
  const project = app ? projectOf(app) : "";
  return useMemo(
    () =>
      refusedNow
        ? { allowed: false, reason: `Your role may not ${action} applications of project ${project}.` }
        : ALLOWED,
    [refusedNow, action, project],
  );
}
