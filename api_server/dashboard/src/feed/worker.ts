/**
 * Runs once per browser, whatever the number of tabs: one connection for all of them. A tab that is closed
 * says goodbye; one that crashed or froze is missed by its pings.
 */

import { Desk } from "./desk";
import { Hub } from "./hub";
import type { Request } from "./topics";

// Tabs ping every 10 s; a hidden one, which the browser may let tick once a minute only, has let go before.
const GONE_AFTER_MS = 70_000;
const LOOK_EVERY_MS = 15_000;

interface Port {
  readonly desk: Desk;
  heardAt: number;
}

const hubs = new Map<string, Hub>();
const ports = new Map<Hub, Set<Port>>();

function hubOf(url: string): Hub {
  const known = hubs.get(url);
  if (known) return known;
  const here = new Set<Port>();
  const hub = new Hub(url, () => here.forEach(({ desk }) => desk.over()));
  hubs.set(url, hub);
  ports.set(hub, here);
  return hub;
}

function serve(channel: MessagePort): void {
  let port: Port | undefined;
  channel.onmessage = ({ data: request }: MessageEvent<Request>) => {
    if (request.do === "hello") {
      const hub = hubOf(request.url);
      port = { desk: new Desk(hub, (reply) => channel.postMessage(reply)), heardAt: Date.now() };
      ports.get(hub)?.add(port);
      return;
    }
    if (!port) return;
    port.heardAt = Date.now();
    port.desk.hear(request);
  };
}

setInterval(() => {
  const before = Date.now() - GONE_AFTER_MS;
  for (const here of ports.values()) {
    for (const { desk, heardAt } of here) if (heardAt < before) desk.leave({ silently: false });
  }
}, LOOK_EVERY_MS);

self.addEventListener("online", () => hubs.forEach((hub) => hub.retry()));
(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) =>
  event.ports.forEach((channel) => serve(channel));
