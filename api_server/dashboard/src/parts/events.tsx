/** Kubernetes events, newest first. */

import { events as getEvents, type AppRef } from "../api/calls";
import type { KubernetesEvent, ResourceId } from "../api/types";
import { ago, clockTime, parseTime } from "../derive/time";
import { useLoaded } from "../state/application";
import { useCoarseNow } from "../state/now";
import { Bones } from "./controls";
import { ErrorNotice } from "./notices";
import { Chip } from "./status";

interface EventListProps {
  readonly app: AppRef;
  readonly of?: ResourceId & { uid?: string; resourceVersion?: string };
}

const timeOf = (event: KubernetesEvent): string =>
  event.lastTimestamp || event.eventTime || event.firstTimestamp || event.metadata?.creationTimestamp || "";

export function EventList({ app, of }: EventListProps) {
  const now = useCoarseNow();
  // Asked again as time passes: events have no stream of their own.
  const key = `${of?.kind ?? ""} ${of?.name ?? ""} ${of?.resourceVersion ?? ""} ${Math.floor(now / 10_000)}`;
  const { value, error, loading } = useLoaded(key, () => getEvents(app, of));
  const events = [...(value?.items ?? [])].sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  if (error && !value)
    return (
      <div className="pad">
        <ErrorNotice title="Events cannot be shown." detail={error} />
      </div>
    );
  if (loading && !value) return <Bones />;
  if (events.length === 0) {
    return (
      <div className="empty">
        <h2>No events</h2>
        <p>The cluster keeps events for about an hour.</p>
      </div>
    );
  }
  return (
    <ul className="event-list">
      {events.map((event, index) => (
        <li key={event.metadata?.uid ?? index}>
          <span className="event-head">
            <Chip tone={event.type === "Warning" ? "warn" : "none"}>{event.reason || event.type || "Event"}</Chip>
            {(event.count ?? 1) > 1 && <span className="faint">{event.count} times</span>}
            <span className="grow" />
            <time className="faint" dateTime={timeOf(event)} title={clockTime(parseTime(timeOf(event)))}>
              {ago(timeOf(event), now)}
            </time>
          </span>
          <span>{event.message}</span>
          <span className="faint">{event.source?.component || event.reportingComponent}</span>
        </li>
      ))}
    </ul>
  );
}
