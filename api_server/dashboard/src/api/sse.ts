/** Server-sent events, read from text that arrives in pieces of any size. */

export interface SseReading {
  /** The data of every event that is complete. */
  readonly events: string[];
  /** What has to be put in front of the next piece. */
  readonly rest: string;
}

export function readEvents(text: string): SseReading {
  const blocks = text.replace(/\r\n?/g, "\n").split(/\n[ \t]*\n/);
  const rest = blocks.pop() ?? "";
  const events = blocks.map(dataOf).filter((data) => data !== "");
  return { events, rest };
}

function dataOf(block: string): string {
  return block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trim())
    .join("\n")
    .trim();
}
