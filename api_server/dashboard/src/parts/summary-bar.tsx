/** How many of each sync status and health there are, as a bar and as filters. */

import type { Application, HealthCode, SyncCode } from "../api/types";
import { HEALTH_CODES, SYNC_CODES, healthOf, syncOf, verdictDoubtful } from "../derive/application";
import { tally, toggled, type Filter } from "../derive/filters";
import { HEALTH_TONES, SYNC_TONES, verdictTone } from "../derive/tone";
import { HealthIcon, SyncIcon } from "./status";

interface SummaryBarProps {
  readonly apps: readonly Application[];
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

export function SummaryBar({ apps, filter, onFilter }: SummaryBarProps) {
  const sync = tally(apps, syncOf);
  const health = tally(apps, healthOf);
  // One that is Unknown because something failed or fell silent makes all that are Unknown worth a look.
  const doubtful = {
    sync: apps.some((app) => syncOf(app) === "Unknown" && verdictDoubtful(app)),
    health: apps.some((app) => healthOf(app) === "Unknown" && verdictDoubtful(app)),
  };
  return (
    <div className="summary" role="group" aria-label="Summary">
      <Share
        parts={SYNC_CODES.map((code) => [verdictTone(SYNC_TONES[code], code, doubtful.sync), sync.get(code) ?? 0])}
      />
      {SYNC_CODES.filter((code) => sync.get(code)).map((code: SyncCode) => (
        <button
          key={code}
          type="button"
          data-testid={`summary-sync-${code}`}
          aria-pressed={filter.chosen.sync.includes(code)}
          onClick={() => onFilter(toggled(filter, "sync", code))}
        >
          <SyncIcon sync={code} doubtful={doubtful.sync} />
          <b>{sync.get(code)}</b> <span className="word">{code}</span>
        </button>
      ))}
      <span className="summary-gap" />
      <Share
        parts={HEALTH_CODES.map((code) => [
          verdictTone(HEALTH_TONES[code], code, doubtful.health),
          health.get(code) ?? 0,
        ])}
      />
      {HEALTH_CODES.filter((code) => health.get(code)).map((code: HealthCode) => (
        <button
          key={code}
          type="button"
          data-testid={`summary-health-${code}`}
          aria-pressed={filter.chosen.health.includes(code)}
          onClick={() => onFilter(toggled(filter, "health", code))}
        >
          <HealthIcon health={code} doubtful={doubtful.health} />
          <b>{health.get(code)}</b> <span className="word">{code}</span>
        </button>
      ))}
    </div>
  );
}

function Share({ parts }: { parts: readonly (readonly [tone: string, count: number])[] }) {
  return (
    <span className="share" aria-hidden="true">
      {parts.map(
        ([tone, count], index) => count > 0 && <i key={index} className={`tone-${tone}`} style={{ flexGrow: count }} />,
      )}
    </span>
  );
}
