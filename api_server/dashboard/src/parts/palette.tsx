/** Go anywhere by typing a part of its name. */

import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { clusterOf, healthOf, projectOf, syncOf } from "../derive/application";
import { matchesSearch } from "../derive/filters";
import { useApplications } from "../state/applications";
import { applicationPath, navigate } from "../state/router";
import { Icon } from "./icons";
import { Dialog } from "./overlay";
import { HealthIcon, SyncIcon } from "./status";

const PAGES = ["Applications", "Clusters", "Projects", "Repositories"];
const MOST = 50;

export function usePaletteKey(open: () => void): void {
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

export function Palette({ onClose }: { onClose: () => void }) {
  const { byKey } = useApplications();
  const [search, setSearch] = useState("");
  const [marked, setMarked] = useState(0);
  const apps = useMemo(() => {
    const found = [...byKey.values()].filter((app) => matchesSearch(app, search));
    const starts = (name: string) => (name.startsWith(search.toLowerCase()) ? 0 : 1);
    return found
      .sort(
        (a, b) => starts(a.metadata.name) - starts(b.metadata.name) || a.metadata.name.localeCompare(b.metadata.name),
      )
      .slice(0, MOST);
  }, [byKey, search]);
  const pages = PAGES.filter((page) => search && page.toLowerCase().startsWith(search.toLowerCase()));
  const targets = [
    ...pages.map((page) => `/${page.toLowerCase()}`),
    ...apps.map((app) => applicationPath(app.metadata.namespace, app.metadata.name)),
  ];
  const go = (target: string | undefined) => {
    if (!target) return;
    onClose();
    navigate(target);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setMarked((old) => Math.max(0, Math.min(targets.length - 1, old + step)));
    }
    if (event.key === "Enter") go(targets[marked]);
  };
  return (
    <Dialog
      wide
      label="Go to"
      onClose={onClose}
      testId="palette"
      title={
        <label className="search-line">
          <Icon name="search" />
          <input
            data-autofocus
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={targets.length ? `palette-${marked}` : undefined}
            aria-label="Application or page"
            placeholder="Application or page"
            value={search}
            onKeyDown={onKeyDown}
            onChange={(event) => {
              setSearch(event.target.value);
              setMarked(0);
            }}
          />
        </label>
      }
    >
      <div role="listbox" id="palette-list" aria-label="Results" className="palette-list">
        {pages.map((page, index) => (
          <Option key={page} index={index} marked={marked} onPick={() => go(targets[index])}>
            <Icon name="chevron" />
            {page}
          </Option>
        ))}
        {apps.map((app, place) => {
          const index = pages.length + place;
          return (
            <Option
              key={app.metadata.uid ?? app.metadata.name}
              index={index}
              marked={marked}
              onPick={() => go(targets[index])}
            >
              <HealthIcon health={healthOf(app)} label={healthOf(app)} />
              <SyncIcon sync={syncOf(app)} label={syncOf(app)} />
              <span className="grow cut">{app.metadata.name}</span>
              <span className="faint">
                {projectOf(app)} · {clusterOf(app)}
              </span>
            </Option>
          );
        })}
        {targets.length === 0 && <p className="pad soft">Nothing is called so.</p>}
      </div>
    </Dialog>
  );
}

interface OptionProps {
  readonly index: number;
  readonly marked: number;
  readonly onPick: () => void;
  readonly children: React.ReactNode;
}

function Option({ index, marked, onPick, children }: OptionProps) {
  const option = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (index === marked) option.current?.scrollIntoView({ block: "nearest" });
  }, [index, marked]);
  return (
    <div ref={option} id={`palette-${index}`} role="option" aria-selected={index === marked} onClick={onPick}>
      {children}
    </div>
  );
}
