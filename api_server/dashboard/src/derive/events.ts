/** The list of applications after some events of the stream. */

import type { Application, ApplicationEvent } from "../api/types";
import { keyOf } from "./application";

export function applyEvents(
  byKey: ReadonlyMap<string, Application>,
  events: readonly ApplicationEvent[],
): ReadonlyMap<string, Application> {
  const next = new Map(byKey);
  for (const { type, application } of events) {
    if (type === "DELETED") next.delete(keyOf(application));
    else if (!isOlder(application, next.get(keyOf(application)))) next.set(keyOf(application), application);
  }
  return next;
}

/** Resource versions grow; an event from before the list must not turn the clock back. */
export function isOlder(a: Application, b: Application | undefined): boolean {
  if (!b || a.metadata.uid !== b.metadata.uid) return false;
  const [older, newer] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  if (!older || !newer || !/^\d+$/.test(older + newer)) return false;
  return BigInt(older) < BigInt(newer);
}
