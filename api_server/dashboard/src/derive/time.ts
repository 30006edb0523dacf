/** Moments in words. The present is always an argument. */

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [365 * 86400, "y"],
  [30 * 86400, "mo"],
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

export function parseTime(text: string | null | undefined): number | undefined {
  if (!text) return undefined;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}

/** "just now", "42 s ago", "3 min ago", "5 d ago"; a clock that runs ahead reads "just now". */
export function ago(text: string | null | undefined, now: number): string {
  const moment = parseTime(text);
  if (moment === undefined) return "never";
  const seconds = Math.floor((now - moment) / 1000);
  if (seconds < 5) return "just now";
  return `${span(seconds)} ago`;
}

/** A length of time in its largest unit. */
export function span(seconds: number): string {
  for (const [size, name] of UNITS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

/** How long something took, or has taken so far; the record knows whole seconds only. */
export function took(started: string | null | undefined, finished: string | null | undefined, now: number): string {
  const from = parseTime(started);
  if (from === undefined) return "";
  const seconds = Math.max(0, Math.floor(((parseTime(finished) ?? now) - from) / 1000));
  if (seconds < 1) return "under 1 s";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** For tooltips and the "as of" of a lost connection: local date and time. */
export function clockTime(moment: number | undefined): string {
  if (moment === undefined) return "";
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(moment);
}

export function timeOfDay(moment: number): string {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(moment);
}
