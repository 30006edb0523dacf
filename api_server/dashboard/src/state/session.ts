/** Who is looking: asked of the server, never kept in the browser (the session is a cookie scripts cannot read). */

import { login as postLogin, logout as deleteSession, userInfo } from "../api/calls";
import { whenUnauthenticated, wordsOf } from "../api/http";
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

function end(): void {
  forgetPermissions();
  forgetApplications();
  session.set({ kind: "anonymous" });
}

export async function askSession(): Promise<void> {
  try {
    const info = await userInfo();
    session.set(
      info.loggedIn
        ? { kind: "user", username: info.username ?? "", groups: info.groups ?? [] }
        : { kind: "anonymous" },
    );
  } catch (error) {
    if (session.get().kind === "anonymous") return;
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
    end();
  }
}

export const useSession = (): Session => useStore(session);
