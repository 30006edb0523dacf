/** Filters with counts: what would be shown if this were chosen too. */

import { useState } from "react";
import type { HealthCode, SyncCode } from "../api/types";
import {
  FACETS,
  FACET_NAMES,
  cleared,
  isFiltering,
  toggled,
  type FacetCount,
  type FacetName,
  type Filter,
  type Listing,
} from "../derive/filters";
import { Button } from "./controls";
import { HealthIcon, SyncIcon } from "./status";

interface FacetsProps {
  readonly found: Listing;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

const FEW = 8;

export function Facets({ found, filter, onFilter }: FacetsProps) {
  return (
    <aside className="facets" aria-label="Filters">
      {FACET_NAMES.map((name) => (
        <Facet
          key={name}
          name={name}
          counts={found.facets[name]}
          onToggle={(value) => onFilter(toggled(filter, name, value))}
        />
      ))}
      {isFiltering(filter) && (
        <Button small kind="quiet" icon="close" testId="clear-filters" onPress={() => onFilter(cleared(filter))}>
          Clear filters
        </Button>
      )}
    </aside>
  );
}

interface FacetProps {
  readonly name: FacetName;
  readonly counts: readonly FacetCount[];
  readonly onToggle: (value: string) => void;
}

function Facet({ name, counts, onToggle }: FacetProps) {
  const [all, setAll] = useState(false);
  const present = counts.filter(({ count, chosen }) => count > 0 || chosen);
  const shown = all ? present : present.filter(({ chosen }, index) => index < FEW || chosen);
  if (present.length === 0) return null;
  return (
    <fieldset>
      <legend>{FACETS[name].title}</legend>
      {shown.map(({ value, count, chosen }) => (
        <label key={value} className={chosen ? "chosen" : ""}>
          <input
            type="checkbox"
            checked={chosen}
            data-testid={`filter-${name}-${value}`}
            onChange={() => onToggle(value)}
          />
          <FacetIcon name={name} value={value} />
          <span className="grow cut" title={value}>
            {value}
          </span>
          <span className="faint">{count}</span>
        </label>
      ))}
      {shown.length < present.length && (
        <button type="button" className="as-link" onClick={() => setAll(true)}>
          {present.length - shown.length} more
        </button>
      )}
    </fieldset>
  );
}

function FacetIcon({ name, value }: { name: FacetName; value: string }) {
  if (name === "sync") return <SyncIcon sync={value as SyncCode} />;
  if (name === "health") return <HealthIcon health={value as HealthCode} />;
  return null;
}
