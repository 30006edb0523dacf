/** Conditions of an application: the message, and what a person can do. */

import type { Application } from "../api/types";
import { isError } from "../derive/application";
import { remedy } from "../derive/explain";
import { ago, clockTime, parseTime } from "../derive/time";
import { useCoarseNow } from "../state/now";
import { Icon } from "./icons";

export function Conditions({ app }: { app: Application }) {
  const now = useCoarseNow();
  const conditions = [...(app.status?.conditions ?? [])].sort((a, b) => Number(isError(b)) - Number(isError(a)));
  return conditions.map((condition, index) => (
    <div
      key={`${condition.type} ${index}`}
      className={`notice ${isError(condition) ? "tone-bad" : "tone-warn"}`}
      role="alert"
      data-testid={`condition-${condition.type}`}
    >
      <Icon name="warn" />
      <div className="grow">
        <strong>{condition.type}</strong>{" "}
        {condition.lastTransitionTime && (
          <span className="faint" title={clockTime(parseTime(condition.lastTransitionTime))}>
            {ago(condition.lastTransitionTime, now)}
          </span>
        )}
        <pre>{condition.message}</pre>
        {remedy(condition.type) && <div className="soft">{remedy(condition.type)}</div>}
      </div>
    </div>
  ));
}
