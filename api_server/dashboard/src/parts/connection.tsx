/** How the connection to a cluster or repository is, and since when nothing was heard of it. */

import type { ConnectionState } from "../api/types";
import { silentSince } from "../derive/explain";
import { parseTime, span } from "../derive/time";
import { connectionTone } from "../derive/tone";
import { Chip } from "./status";

export function ConnectionWords({ connection, now }: { connection: ConnectionState | undefined; now: number }) {
  const { status, message } = connection ?? {};
  const silent = parseTime(silentSince(message));
  return (
    <>
      <Chip tone={connectionTone(status)}>{status === "Successful" ? "Connected" : status || "Unknown"}</Chip>
      {silent !== undefined && (
        <strong className="silent"> Nothing heard for {span(Math.max(0, now - silent) / 1000)}</strong>
      )}
      {status !== "Successful" && message && <div className="row-message">{message}</div>}
    </>
  );
}
