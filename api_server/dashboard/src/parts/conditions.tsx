/** Conditions of an application: the message, since when, whose commit it is, and what a person can do. */

import type { Application, Condition } from "../api/types";
import { authorName, errorsOf, isError, shortRevision, subjectOf } from "../derive/application";
import { commitIn, remedy, silentSince } from "../derive/explain";
import { ago, clockTime, parseTime, span } from "../derive/time";
import { useCommit } from "../state/application";
import { useCoarseNow } from "../state/now";
import { Icon } from "./icons";

export function Conditions({ app }: { app: Application }) {
  const errors = new Set(errorsOf(app));
  const conditions = [...(app.status?.conditions ?? [])].sort((a, b) => Number(isError(b)) - Number(isError(a)));
  return conditions.map((condition, index) => (
    <Notice key={`${condition.type} ${index}`} app={app} condition={condition} bad={errors.has(condition)} />
  ));
}

function Notice({ app, condition, bad }: { app: Application; condition: Condition; bad: boolean }) {
  const now = useCoarseNow();
  const { type, message, lastTransitionTime } = condition;
  const silent = silentSince(message);
  const { commit, author } = commitIn(message);
  return (
    <div
      className={`notice ${bad ? "tone-bad" : "tone-warn"}`}
      role="alert"
      data-testid={`condition-${type}`}
      data-bad={bad}
    >
      <Icon name="warn" />
      <div className="grow">
        <strong>{type}</strong>{" "}
        {lastTransitionTime && (
          <span className="faint" title={clockTime(parseTime(lastTransitionTime))}>
            {ago(lastTransitionTime, now)}
          </span>
        )}
        {silent && (
          <div data-testid="silent-since">
            <strong>Nothing heard for {span(Math.max(0, now - (parseTime(silent) ?? now)) / 1000)}</strong>, since{" "}
            <time dateTime={silent}>{clockTime(parseTime(silent))}</time>.
          </div>
        )}
        <pre>{message}</pre>
        {commit && <Culprit app={app} commit={commit} author={author} />}
        {remedy(type) && <div className="soft">{remedy(type)}</div>}
      </div>
    </div>
  );
}

/** Whom to ask about a commit that cannot be rendered. */
function Culprit({ app, commit, author }: { app: Application; commit: string; author: string }) {
  const known = useCommit(app, commit);
  const by = known?.author || author;
  const now = useCoarseNow();
  return (
    <div data-testid="failing-commit">
      Commit <span className="mono">{shortRevision(commit)}</span>
      {by && <> by {authorName(by)}</>}
      {known?.date && <>, {ago(known.date, now)}</>}
      {known?.message && <>: “{subjectOf(known)}”</>}
    </div>
  );
}
