/** The present, in ticks that all components of a page share. */

import { Store, useStore } from "./external";

const second = new Store(Date.now());
setInterval(() => {
  if (!document.hidden) second.set(Date.now());
}, 1000);

/** The coarse present changes seldom, so that a list of a thousand rows is not drawn every second. */
const coarse = new Store(Date.now());
setInterval(() => {
  if (!document.hidden) coarse.set(Date.now());
}, 10_000);

export const useNow = (): number => useStore(second);
export const useCoarseNow = (): number => useStore(coarse);
