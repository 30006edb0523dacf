/** Server-sent events, read from text that arrives in pieces of any size. */

export interface SseEvent {
  /** What it is about; empty where the server does not say. */
  readonly name: string;
  /** How far its reader knows with it. */
  readonly id: string;
  readonly data: string;
}

export interface SseReading {
  /** Every event that is complete. */
  readonly events: SseEvent[];
  /** What has to be put in front of the next piece. */
  readonly rest: string;
}

export function readEvents(text: string): SseReading {
  const blocks = text.replace(/\r\n?/g, "\n").split(/\n[ \t]*\n/);
  const rest = blocks.pop() ?? "";
  const events = blocks.map(eventOf).filter(({ data }) => data !== "");
  return { events, rest };
}

function eventOf(block: string): SseEvent {
  const values = (field: string) =>
    block
      .split("\n")
      .filter((line) => line.startsWith(`${field}:`))
      .map((line) => line.slice(field.length + 1).trim());
  return { name: values("event").at(-1) ?? "", id: values("id").at(-1) ?? "", data: values("data").join("\n").trim() };
}
