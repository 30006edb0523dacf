/** Which colour and which shape a status has; one table each, so that list, tree and header agree. */

import type { HealthCode, SyncCode } from "../api/types";
import type { ResultTone } from "./operation";
import type { Effect } from "./preview";

export type Tone = "good" | "warn" | "bad" | "busy" | "idle" | "none";

export const SYNC_TONES: Readonly<Record<SyncCode, Tone>> = { Synced: "good", OutOfSync: "warn", Unknown: "none" };

export const HEALTH_TONES: Readonly<Record<HealthCode, Tone>> = {
  Healthy: "good",
  Progressing: "busy",
  Degraded: "bad",
  Suspended: "idle",
  Missing: "warn",
  Unknown: "none",
};

/** Not to know is red where something failed or fell silent, and grey where nobody has looked yet. */
export const verdictTone = (tone: Tone, value: string, doubtful: boolean): Tone =>
  doubtful && value === "Unknown" ? "bad" : tone;

export const RESULT_TONES: Readonly<Record<ResultTone, Tone>> = {
  done: "good",
  failed: "bad",
  running: "busy",
  waiting: "none",
  skipped: "none",
};

export const EFFECT_TONES: Readonly<Record<Effect, Tone>> = {
  delete: "bad",
  create: "good",
  change: "busy",
  keep: "warn",
  none: "none",
};

export const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  delete: "Delete",
  create: "Create",
  change: "Change",
  keep: "Kept",
  none: "No change",
};

export function phaseTone(phase: string): Tone {
  if (phase === "Succeeded") return "good";
  if (phase === "Failed" || phase === "Error") return "bad";
  return phase === "Running" || phase === "Terminating" ? "busy" : "none";
}

export function connectionTone(status: string | undefined): Tone {
  if (status === "Successful") return "good";
  return status === "Failed" ? "bad" : "none";
}
