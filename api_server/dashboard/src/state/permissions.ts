/** What the user may do, asked of the server once per application; the server decides again at every command. */

import { useEffect, useMemo } from "react";
import { mayI, type Question } from "../api/calls";
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

// Questions of one moment are one request; the server takes as many.
const TOGETHER_MS = 30;
const AT_ONCE = 200;
let waiting: Question[] = [];

export function askPermission(app: Application, action: Action): void {
  const key = question(app, action);
  if (answers.get().has(key)) return;
  answers.update((known) => new Map(known).set(key, "asking"));
  waiting.push({ resource: "applications", action, object: `${projectOf(app)}/${app.metadata.name}` });
  if (waiting.length === 1) setTimeout(askTogether, TOGETHER_MS);
}

function askTogether(): void {
  const asked = waiting;
  waiting = [];
  for (let first = 0; first < asked.length; first += AT_ONCE) void askSome(asked.slice(first, first + AT_ONCE));
}

async function askSome(questions: readonly Question[]): Promise<void> {
  // Without an answer the button stays usable: the server has the last word anyway.
  const values = await mayI(questions).catch(() => questions.map(() => "yes" as const));
  answers.update((known) => {
    const next = new Map(known);
    questions.forEach(({ action, object }, index) => next.set(`${action} ${object}`, values[index] ?? "yes"));
    return next;
  });
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

/** Asks as well, and answers "not yet" until it knows: for what is not even to be offered in vain. */
export function useSurePermission(app: Application, action: Action): Permission {
  const permission = usePermission(app, action);
  const answer = useStore(answers).get(question(app, action));
  return answer === undefined || answer === "asking" ? NOT_YET : permission;
}

const NOT_YET: Permission = { allowed: false, reason: "Asking whether your role may do this." };

function useKnownPermission(app: Application | undefined, action: Action): Permission {
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
