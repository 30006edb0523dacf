/** Texts of objects: YAML with numbered lines, and differences, side by side or unified. */

import { Fragment, useMemo, useState, type ReactNode } from "react";
import { changedSpan, hunks, sideBySide, type DiffLine, type Hunk } from "../derive/diff";
import { Copy } from "./controls";

const YAML_LINE = /^(\s*(?:- )*)([^\s:#"'|>][^:]*|"[^"]*"):(\s.*|$)/;

function Yaml({ line }: { line: string }) {
  const found = YAML_LINE.exec(line);
  if (!found) return <>{line}</>;
  return (
    <>
      {found[1]}
      <span className="yaml-key">{found[2]}</span>:{found[3]}
    </>
  );
}

// A browser lays out some thousand lines at once without a pause; the rest is asked for.
const FIRST_LINES = 1500;

export function CodeView({ text, label }: { text: string; label: string }) {
  const lines = useMemo(() => text.split("\n"), [text]);
  const [all, setAll] = useState(false);
  const shown = all ? lines : lines.slice(0, FIRST_LINES);
  return (
    <div className="code-frame">
      <div className="code-copy">
        <Copy text={text} label={`Copy ${label}`} />
      </div>
      <div className="code" role="region" aria-label={label} tabIndex={0}>
        {shown.map((line, index) => (
          <div key={index} className="code-line">
            <span className="number" aria-hidden="true">
              {index + 1}
            </span>
            <span className="text">
              <Yaml line={line} />
            </span>
          </div>
        ))}
        {shown.length < lines.length && (
          <button type="button" className="code-gap" onClick={() => setAll(true)}>
            Show {lines.length - shown.length} more lines
          </button>
        )}
      </div>
    </div>
  );
}

export type DiffShape = "split" | "unified";

interface DiffViewProps {
  readonly lines: readonly DiffLine[];
  readonly shape: DiffShape;
  readonly before: string;
  readonly after: string;
}

export function DiffView({ lines, shape, before, after }: DiffViewProps) {
  const parts = useMemo(() => hunks(lines, 3), [lines]);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const unfold = (from: number) => setOpened(new Set(opened).add(from));
  const body = (part: Hunk, index: number): ReactNode => {
    if (part.kind === "gap" && !opened.has(part.from)) {
      return (
        <button key={index} type="button" className="code-gap" onClick={() => unfold(part.from)}>
          {part.count} equal lines
        </button>
      );
    }
    const inside = part.kind === "gap" ? lines.slice(part.from, part.from + part.count) : part.lines;
    return (
      <Fragment key={index}>
        {shape === "split" ? <SplitRows lines={inside} /> : <UnifiedRows lines={inside} />}
      </Fragment>
    );
  };
  return (
    <div
      className={`code diff ${shape}`}
      role="region"
      aria-label={`Difference between ${before} and ${after}`}
      tabIndex={0}
    >
      {shape === "split" && (
        <div className="diff-heads" aria-hidden="true">
          <span>{before}</span>
          <span>{after}</span>
        </div>
      )}
      {parts.map(body)}
    </div>
  );
}

function UnifiedRows({ lines }: { lines: readonly DiffLine[] }) {
  return lines.map((line, index) => (
    <div key={index} className={`code-line ${line.kind}`}>
      <span className="number" aria-hidden="true">
        {line.before ?? ""}
      </span>
      <span className="number" aria-hidden="true">
        {line.after ?? ""}
      </span>
      <span className="mark">{SIGN[line.kind]}</span>
      <span className="text">
        <Yaml line={line.text} />
      </span>
    </div>
  ));
}

const SIGN = { same: " ", removed: "−", added: "+" } as const;

function SplitRows({ lines }: { lines: readonly DiffLine[] }) {
  return sideBySide(lines).map(({ left, right }, index) => {
    const facing = left && right && left.kind === "removed" ? changedSpan(left.text, right.text) : undefined;
    return (
      <div key={index} className="split-row">
        <Half line={left} number={left?.before} span={facing && [facing.from, facing.leftTo]} />
        <Half line={right} number={right?.after} span={facing && [facing.from, facing.rightTo]} />
      </div>
    );
  });
}

interface HalfProps {
  readonly line: DiffLine | undefined;
  readonly number: number | undefined;
  readonly span: readonly [number, number] | undefined;
}

function Half({ line, number, span }: HalfProps) {
  return (
    <div className={`code-line ${line?.kind ?? "absent"}`}>
      <span className="number" aria-hidden="true">
        {number ?? ""}
      </span>
      <span className="mark">{line ? SIGN[line.kind] : ""}</span>
      <span className="text">
        {line && (span ? <Marked text={line.text} from={span[0]} to={span[1]} /> : <Yaml line={line.text} />)}
      </span>
    </div>
  );
}

function Marked({ text, from, to }: { text: string; from: number; to: number }) {
  return (
    <>
      {text.slice(0, from)}
      {to > from && <mark>{text.slice(from, to)}</mark>}
      {text.slice(to)}
    </>
  );
}
