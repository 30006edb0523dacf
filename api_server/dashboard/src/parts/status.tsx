/** Status as shape, colour and word, so that no one of the three has to be seen. */

import type { ReactNode } from "react";
import type { HealthCode, SyncCode } from "../api/types";
import { HEALTH_TONES, SYNC_TONES, verdictTone, type Tone } from "../derive/tone";

const FILLED = (inner: ReactNode) => (
  <>
    <circle cx="8" cy="8" r="6.5" fill="currentColor" stroke="none" />
    <g stroke="var(--surface)" strokeWidth="1.7">
      {inner}
    </g>
  </>
);

const HEALTH_SHAPES: Readonly<Record<HealthCode, ReactNode>> = {
  Healthy: FILLED(<path d="m5 8.3 2.1 2.1L11 6" />),
  Progressing: (
    <g className="spin" style={{ transformOrigin: "8px 8px" }}>
      <circle cx="8" cy="8" r="5.5" opacity="0.25" strokeWidth="2.2" />
      <path d="M8 2.5a5.5 5.5 0 0 1 5.5 5.5" strokeWidth="2.2" />
    </g>
  ),
  Degraded: FILLED(<path d="m5.7 5.7 4.6 4.6M10.3 5.7l-4.6 4.6" />),
  Suspended: FILLED(<path d="M6.5 5.5v5M9.5 5.5v5" />),
  Missing: (
    <>
      <circle cx="8" cy="8" r="5.7" strokeDasharray="2.2 2.2" />
      <path d="M8 5.3v3.2M8 10.7h.01" />
    </>
  ),
  Unknown: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="M6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.5.25-.8.5-.8 1M8 10.9h.01" />
    </>
  ),
};

const SYNC_SHAPES: Readonly<Record<SyncCode, ReactNode>> = {
  Synced: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="m5.5 8.2 1.8 1.8 3.3-3.7" />
    </>
  ),
  OutOfSync: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="M8 11V5.3M5.7 7.3 8 5l2.3 2.3" />
    </>
  ),
  Unknown: HEALTH_SHAPES.Unknown,
};

function Shape({ tone, label, children }: { tone: Tone; label: string; children: ReactNode }) {
  return (
    <svg
      className={`icon tone-${tone}`}
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    >
      {label && <title>{label}</title>}
      {children}
    </svg>
  );
}

interface HealthIconProps {
  readonly health: HealthCode;
  readonly doubtful?: boolean;
  readonly label?: string;
}

export function HealthIcon({ health, doubtful = false, label = "" }: HealthIconProps) {
  return (
    <Shape tone={verdictTone(HEALTH_TONES[health], health, doubtful)} label={label}>
      {HEALTH_SHAPES[health]}
    </Shape>
  );
}

interface SyncIconProps {
  readonly sync: SyncCode;
  readonly doubtful?: boolean;
  readonly label?: string;
}

export function SyncIcon({ sync, doubtful = false, label = "" }: SyncIconProps) {
  return (
    <Shape tone={verdictTone(SYNC_TONES[sync], sync, doubtful)} label={label}>
      {SYNC_SHAPES[sync]}
    </Shape>
  );
}

interface StatusProps<T> {
  readonly value: T;
  /** A verdict beside an error: what was known is shown without its colour, Unknown in red. */
  readonly doubtful?: boolean;
  readonly testId?: string;
  readonly title?: string;
}

const classOf = (value: string, doubtful: boolean): string =>
  doubtful ? (value === "Unknown" ? "tone-bad" : "doubtful") : "";

export function HealthStatus({ value, doubtful = false, testId, title }: StatusProps<HealthCode>) {
  return (
    <span className={`status ${classOf(value, doubtful)}`} data-testid={testId} title={title}>
      <HealthIcon health={value} doubtful={doubtful} />
      {value}
    </span>
  );
}

export function SyncStatus({ value, doubtful = false, testId, title }: StatusProps<SyncCode>) {
  return (
    <span className={`status ${classOf(value, doubtful)}`} data-testid={testId} title={title}>
      <SyncIcon sync={value} doubtful={doubtful} />
      {value}
    </span>
  );
}

export function Chip({ tone = "none", children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span className={`chip tone-${tone}`} title={title}>
      {children}
    </span>
  );
}
