/** Banners and toasts: what went wrong, what was accepted, and what may no longer be true. */

import type { StreamState } from "../feed/topics";
import { span, timeOfDay } from "../derive/time";
import { useNow } from "../state/now";
import { dismiss, useToasts } from "../state/toasts";
import { Button } from "./controls";
import { Icon } from "./icons";

interface ConnectionBannerProps {
  readonly stream: StreamState;
  readonly asOf: number | undefined;
  readonly onRetry: () => void;
}

/** Never lets an old state pass for the present one. */
export function ConnectionBanner({ stream, asOf, onRetry }: ConnectionBannerProps) {
  const now = useNow();
  if (stream.kind !== "lost") return null;
  const seconds = Math.max(0, Math.ceil((stream.retryAt - now) / 1000));
  return (
    <div className="connection-banner" role="alert" data-testid="error-banner">
      <Icon name="unplugged" />
      <span className="grow">
        <strong>Connection lost.</strong>{" "}
        {asOf === undefined
          ? "Nothing is known yet."
          : `Nothing heard for ${span((now - asOf) / 1000)}: this is the state as of ${timeOfDay(asOf)}; it may have changed since.`}{" "}
        <span className="reason">{stream.reason}</span>
      </span>
      <span className="faint">{seconds > 0 ? `Next try in ${seconds} s` : "Connecting…"}</span>
      <Button small onPress={onRetry}>
        Retry now
      </Button>
    </div>
  );
}

export function ErrorNotice({
  title,
  detail,
  testId = "error-banner",
}: {
  title: string;
  detail?: string;
  testId?: string;
}) {
  return (
    <div className="notice tone-bad" role="alert" data-testid={testId}>
      <Icon name="warn" />
      <div className="grow">
        <strong>{title}</strong>
        {detail && <div>{detail}</div>}
      </div>
    </div>
  );
}

export function Toasts() {
  return (
    <div className="toasts" role="region" aria-label="Notifications" aria-live="polite">
      {useToasts().map(({ id, tone, title, detail }) => (
        <div key={id} className={`toast ${tone}`} data-testid="toast" role={tone === "refused" ? "alert" : "status"}>
          <Icon
            name={tone === "refused" ? "warn" : "check"}
            className={tone === "refused" ? "tone-bad" : "tone-good"}
          />
          <div className="grow">
            <strong>{title}</strong>
            {detail && <div className="soft">{detail}</div>}
          </div>
          <Button kind="quiet" small icon="close" label="Dismiss" onPress={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
