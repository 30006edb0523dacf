/** A page that only reads one list from the server, and looks again now and then. */

import { useEffect, type ReactNode } from "react";
import type { List } from "../api/types";
import { useLoaded } from "../state/application";
import { useCoarseNow } from "../state/now";
import { Bones } from "./controls";
import { ErrorNotice } from "./notices";

export interface Row {
  readonly key: string;
  readonly testId: string;
  /** One for each column. */
  readonly cells: readonly ReactNode[];
}

interface ReadPageProps<T> {
  readonly title: string;
  readonly load: () => Promise<List<T>>;
  readonly columns: readonly string[];
  readonly row: (item: T) => Row;
  readonly empty: string;
}

export function ReadPage<T>({ title, load, columns, row, empty }: ReadPageProps<T>) {
  const now = useCoarseNow();
  const { value, error, loading } = useLoaded(`${title} ${Math.floor(now / 15_000)}`, load);
  useEffect(() => {
    document.title = `${title} · Tiphys`;
  }, [title]);
  const items = value?.items ?? [];
  return (
    <div className="page read-page">
      <div className="list-head">
        <h1>
          {title} <span className="count">{value && items.length}</span>
        </h1>
      </div>
      <div className="read-body">
        {error && (
          <ErrorNotice title={`${title} cannot be ${value ? "brought up to date" : "shown"}.`} detail={error} />
        )}
        {loading && !value && <Bones />}
        {value && items.length === 0 && (
          <div className="empty">
            <h2>None yet</h2>
            <p>{empty}</p>
          </div>
        )}
        {items.length > 0 && (
          <div className="table-frame">
            <table className="table as-cards" aria-label={title}>
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} scope="col">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map(row).map(({ key, testId, cells }) => (
                  <tr key={key} data-testid={testId}>
                    {cells.map((cell, index) => (
                      <td key={columns[index]} data-label={columns[index]}>
                        {cell}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </div>
  );
}
