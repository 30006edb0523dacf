/** The list of applications after some events of the stream. */

import type { Application, ApplicationEvent } from "../api/types";
import { keyOf } from "./application";

export function applyEvents(
  byKey: ReadonlyMap<string, Application>,
  events: readonly ApplicationEvent[],
): ReadonlyMap<string, Application> {
  const next = new Map(byKey);
  for (const { type, application } of events) {
    const known = next.get(keyOf(application));
    // One made anew under the same name is not the one that was deleted.
    if (type === "DELETED") {
      if (known?.metadata.uid === application.metadata.uid) next.delete(keyOf(application));
    } else if (!isOlder(application, known)) next.set(keyOf(application), application);
  }
  return next;
}

/** A list in place of what was known; what was known to be newer than the list stays. */
export function listedAnew(
  known: ReadonlyMap<string, Application>,
  list: readonly Application[],
): ReadonlyMap<string, Application> {
  return new Map(
    list.map((app) => {
      const before = known.get(keyOf(app));
      return [keyOf(app), before && isOlder(app, before) ? before : app];
    }),
  );
}

/** Resource versions grow; an event from before the list must not turn the clock back. */
export function isOlder(a: Application, b: Application | undefined): boolean {
  if (!b || a.metadata.uid !== b.metadata.uid) return false;
  const [older, newer] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  if (!older || !newer || !/^\d+$/.test(older + newer)) return false;
  return BigInt(older) < BigInt(newer);
}
