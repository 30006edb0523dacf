/** Light, dark, or as the system says; kept in this browser. */

import { Store, useStore } from "./external";

export type Theme = "system" | "light" | "dark";
const KEY = "tiphys.theme";

function kept(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

const theme = new Store<Theme>(kept());
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function show(): void {
  const chosen = theme.get();
  const dark = chosen === "dark" || (chosen === "system" && systemDark.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function startTheme(): void {
  show();
  systemDark.addEventListener("change", show);
}

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(KEY, chosen);
  theme.set(chosen);
  show();
}

export const useTheme = (): Theme => useStore(theme);
