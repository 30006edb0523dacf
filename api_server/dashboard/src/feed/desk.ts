/** The hub's side of one tab: what the tab asks for, and what it is told. */

import type { Hub } from "./hub";
import type { Reply, Request } from "./topics";

export class Desk {
  readonly #hub: Hub;
  readonly #reply: (reply: Reply) => void;
  readonly #following = new Map<number, () => void>();
  #forgotten = false;

  constructor(hub: Hub, reply: (reply: Reply) => void) {
    this.#hub = hub;
    this.#reply = reply;
  }

  readonly hear = (request: Request): void => {
    if (request.do === "follow") this.#follow(request);
    else if (request.do === "unfollow") this.#unfollow(request.id);
    else if (request.do === "retry") this.#hub.retry();
    else if (request.do === "reset") this.#hub.reset();
    else if (request.do === "bye") this.leave();
    else if (request.do === "ping") this.#answer();
  };

  readonly over = (): void => {
    this.#following.clear();
    this.#reply({ say: "over" });
  };

  /** The tab went, or nothing was heard of it for so long that it must have. */
  leave({ silently = true } = {}): void {
    for (const end of this.#following.values()) end();
    this.#following.clear();
    this.#forgotten = !silently;
  }

  #follow({ id, topic, mark }: Extract<Request, { do: "follow" }>): void {
    this.#unfollow(id);
    const end = this.#hub.follow(topic, mark, {
      event: (data, at) => this.#reply({ say: "event", id, data, mark: at }),
      state: (state) => this.#reply({ say: "state", id, state }),
      refused: (refusal) => this.#reply({ say: "refused", id, refusal }),
    });
    this.#following.set(id, end);
  }

  #unfollow(id: number): void {
    this.#following.get(id)?.();
    this.#following.delete(id);
  }

  #answer(): void {
    this.#reply({ say: "pong" });
    if (!this.#forgotten) return;
    this.#forgotten = false;
    this.#reply({ say: "forgotten" });
  }
}
