/** Who is looking: asked of the server, never kept in the browser (the session is a cookie scripts cannot read). */

import { login as postLogin, logout as deleteSession, userInfo } from "../api/calls";
import { whenUnauthenticated, wordsOf } from "../api/http";
import { forgetAll, whenOver } from "../feed/client";
import { Store, useStore } from "./external";
import { forgetPermissions } from "./permissions";
import { forgetApplications } from "./applications";

export type Session =
  | { readonly kind: "asking" }
  | { readonly kind: "anonymous" }
  | { readonly kind: "user"; readonly username: string; readonly groups: readonly string[] }
  | { readonly kind: "unreachable"; readonly reason: string };

const session = new Store<Session>({ kind: "asking" });
whenUnauthenticated(() => end());
whenOver(() => end());

function end(): void {
  forgetPermissions();
  forgetApplications();
  session.set({ kind: "anonymous" });
}

export async function askSession(): Promise<void> {
  try {
    const info = await userInfo();
    if (!info.loggedIn) return end();
    const known = session.get();
    const username = info.username ?? "";
    // Another tab has logged in as somebody else: what this one knows is not for him.
    if (known.kind === "user" && known.username === username) return;
    if (known.kind === "user") end();
    session.set({ kind: "user", username, groups: info.groups ?? [] });
  } catch (error) {
    // Who is logged in already sees on his page that the server cannot be reached.
    const { kind } = session.get();
    if (kind === "anonymous" || kind === "user") return;
    session.set({ kind: "unreachable", reason: wordsOf(error) });
  }
}

export async function login(username: string, password: string): Promise<void> {
  await postLogin(username, password);
  await askSession();
}

export async function logout(): Promise<void> {
  try {
    await deleteSession();
  } finally {
    forgetAll();
    end();
  }
}

/** All tabs share the session: one that comes into sight asks who is looking now. */
export function followSession(): () => void {
  void askSession();
  const seen = () => {
    if (!document.hidden) void askSession();
  };
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("focus", seen);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("focus", seen);
  };
}

export const useSession = (): Session => useStore(session);
