/** All applications: what is wrong at a glance, the rest one search away. */

import { useEffect, useMemo, useRef } from "react";
import type { Application } from "../api/types";
import { keyOf } from "../derive/application";
import {
  cleared,
  filterFromQuery,
  filterToQuery,
  isFiltering,
  listing,
  type Filter,
  type SortColumn,
} from "../derive/filters";
import { counted } from "../derive/explain";
import { AppTable, COLUMNS } from "../parts/app-table";
import { Bones, Button } from "../parts/controls";
import { Facets } from "../parts/facets";
import { Icon } from "../parts/icons";
import { ConnectionBanner } from "../parts/notices";
import { Drawer } from "../parts/overlay";
import { SummaryBar } from "../parts/summary-bar";
import { SyncPanelFor } from "../parts/sync-panel-for";
import { retry } from "../state/application";
import { useApplications } from "../state/applications";
import { useShortcuts } from "../state/keys";
import { navigate, setQuery, useAddress } from "../state/router";

export function ApplicationsPage() {
  const { byKey, loaded, stream, asOf } = useApplications();
  const { query } = useAddress();
  const filter = useMemo(() => filterFromQuery(query), [query]);
  const apps = useMemo(() => [...byKey.values()], [byKey]);
  const found = useMemo(() => listing(apps, filter), [apps, filter]);
  const syncing = byKey.get(query.get("sync") ?? "");
  useEffect(() => {
    document.title = "Applications · Tiphys";
  }, []);
  const sort = (column: SortColumn) =>
    show({ ...filter, sort: column, descending: filter.sort === column ? !filter.descending : false });
  return (
    <div className="page applications">
      <ConnectionBanner stream={stream} asOf={asOf} onRetry={retry} />
      <div className="list-head">
        <h1>
          Applications{" "}
          <span className="count" data-testid="app-count" aria-live="polite">
            {loaded && (isFiltering(filter) ? `${found.shown.length} of ${found.total}` : found.total)}
          </span>
        </h1>
        <SummaryBar apps={apps} filter={filter} onFilter={show} />
        <SearchField filter={filter} />
        <Button small icon="list" testId="button-filters" onPress={() => setQuery({ filters: "open" })}>
          Filter and sort
        </Button>
      </div>
      <div className="list-body">
        <Facets found={found} filter={filter} onFilter={show} />
        <div className="list-main">
          {!loaded && <Bones rows={12} />}
          {loaded && found.shown.length === 0 && <NothingShown filter={filter} total={found.total} />}
          {found.shown.length > 0 && (
            <AppTable
              apps={found.shown}
              filter={filter}
              stale={stream.kind === "lost"}
              onSort={sort}
              onSync={startSync}
            />
          )}
        </div>
      </div>
      {query.get("filters") && (
        <Drawer
          label="Filter and sort"
          testId="filters-panel"
          title={<h2>Filter and sort</h2>}
          onClose={() => setQuery({ filters: undefined })}
        >
          <div className="pad">
            <SortField filter={filter} />
            <Facets found={found} filter={filter} onFilter={show} />
          </div>
        </Drawer>
      )}
      {syncing && <SyncPanelFor key={keyOf(syncing)} app={syncing} onClose={() => setQuery({ sync: undefined })} />}
    </div>
  );
}

const startSync = (app: Application): void => setQuery({ sync: keyOf(app) });

function show(filter: Filter): void {
  const query = filterToQuery(filter);
  if (new URLSearchParams(window.location.search).has("filters")) query.set("filters", "open");
  const text = query.toString();
  navigate(text ? `/applications?${text}` : "/applications", { replace: true });
}

/** The heads of the columns sort; cards on a phone have none. */
function SortField({ filter }: { filter: Filter }) {
  return (
    <label className="field">
      <span>Sort by</span>
      <select
        className="input"
        data-testid="sort-by"
        value={filter.sort}
        onChange={(event) => show({ ...filter, sort: event.target.value as SortColumn })}
      >
        {COLUMNS.map(
          ({ sort, title }) =>
            sort && (
              <option key={sort} value={sort}>
                {title}
              </option>
            ),
        )}
      </select>
    </label>
  );
}

function SearchField({ filter }: { filter: Filter }) {
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => field.current?.select() });
  return (
    <label className="search">
      <span className="unseen">Search applications</span>
      <Icon name="search" />
      <input
        ref={field}
        className="input"
        type="search"
        data-testid="app-search"
        placeholder="Search name, path, commit"
        value={filter.search}
        onChange={(event) => show({ ...filter, search: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          show({ ...filter, search: "" });
          field.current?.blur();
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

function NothingShown({ filter, total }: { filter: Filter; total: number }) {
  if (total === 0) {
    return (
      <div className="empty">
        <h2>No applications yet</h2>
        <p>
          Applications appear here as soon as they exist and you may see them. Apply an <code>Application</code> or an{" "}
          <code>ApplicationSet</code> to the management cluster.
        </p>
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>Nothing matches</h2>
      <p>{counted(total, "application")} without the filter.</p>
      <Button onPress={() => show(cleared(filter))}>Clear the filter</Button>
    </div>
  );
}
