/** What can be followed, and what is said between a tab and the hub that follows for all tabs. */

export interface Topic {
  readonly kind: "applications" | "application" | "tree";
  readonly name?: string | undefined;
  readonly appNamespace?: string | undefined;
  readonly fields?: string;
}

export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | {
      readonly kind: "lost";
      readonly reason: string;
      readonly retryAt: number;
      /** When the server was heard last; undefined if never. */
      readonly heardAt?: number | undefined;
    };

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** From a tab to the hub. */
export type Request =
  | { readonly do: "hello"; readonly url: string }
  | { readonly do: "follow"; readonly id: number; readonly topic: Topic; readonly mark: string }
  | { readonly do: "unfollow"; readonly id: number }
  | { readonly do: "retry" }
  /** Somebody logged out: nothing that is known may be shown to whoever comes next. */
  | { readonly do: "reset" }
  | { readonly do: "ping" }
  | { readonly do: "bye" };

/** From the hub to a tab. */
export type Reply =
  | { readonly say: "event"; readonly id: number; readonly data: string; readonly mark: string }
  | { readonly say: "state"; readonly id: number; readonly state: StreamState }
  | { readonly say: "refused"; readonly id: number; readonly refusal: Refusal }
  /** The session has ended. */
  | { readonly say: "over" }
  | { readonly say: "pong" }
  /** The hub thought this tab gone; it has to follow its topics anew. */
  | { readonly say: "forgotten" };

export function keyOfTopic({ kind, name, appNamespace, fields }: Topic): string {
  return JSON.stringify([kind, appNamespace ?? "", name ?? "", fields ?? ""]);
}

/** Of such a topic the latest event says everything, so it can be handed to whoever comes later. */
export const isWhole = ({ kind }: Topic): boolean => kind !== "applications";

/** The mark from which both can go on; none, if one of them has none. Marks of lists are growing numbers. */
export function earlier(a: string, b: string): string {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return "";
  return BigInt(a) < BigInt(b) ? a : b;
}
