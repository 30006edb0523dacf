/** Short notes on what became of a command. */

import { Store, useStore } from "./external";

export interface Toast {
  readonly id: number;
  readonly tone: "accepted" | "refused";
  readonly title: string;
  readonly detail: string;
}

const toasts = new Store<readonly Toast[]>([]);
const SHOWN_MS = { accepted: 5000, refused: 15_000 } as const;
let lastId = 0;

function show(tone: Toast["tone"], title: string, detail: string): void {
  const toast = { id: ++lastId, tone, title, detail };
  toasts.update((shown) => [...shown.slice(-3), toast]);
  setTimeout(() => dismiss(toast.id), SHOWN_MS[tone]);
}

export const accepted = (title: string, detail = ""): void => show("accepted", title, detail);
export const refused = (title: string, detail = ""): void => show("refused", title, detail);
export const dismiss = (id: number): void => toasts.update((shown) => shown.filter((toast) => toast.id !== id));
export const useToasts = (): readonly Toast[] => useStore(toasts);
