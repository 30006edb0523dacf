/** Whether the window is as narrow as a phone's; the same width as in styles/narrow.css. */

import { Store, useStore } from "./external";

const query = typeof window !== "undefined" ? window.matchMedia?.("(max-width: 720px)") : undefined;
const narrow = new Store(query?.matches ?? false);
query?.addEventListener("change", ({ matches }) => narrow.set(matches));

export const useNarrow = (): boolean => useStore(narrow);
