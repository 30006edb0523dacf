/** The frame of every page: navigation, search over everything, the user's menu. */

import { useState, type ReactNode } from "react";
import { version } from "../api/calls";
import { useLoaded } from "../state/application";
import { useShortcuts } from "../state/keys";
import { navigate, useAddress } from "../state/router";
import { logout, useSession } from "../state/session";
import { chooseTheme, useTheme, type Theme } from "../state/theme";
import { refused } from "../state/toasts";
import { wordsOf } from "../api/http";
import { Link, Menu } from "./controls";
import { Icon, Logo, type IconName } from "./icons";
import { KeysDialog } from "./keys-dialog";
import { Palette, usePaletteKey } from "./palette";

const PLACES = [
  { path: "/applications", title: "Applications" },
  { path: "/clusters", title: "Clusters" },
  { path: "/projects", title: "Projects" },
  { path: "/repositories", title: "Repositories" },
] as const;

const THEMES: readonly (readonly [Theme, string, IconName])[] = [
  ["system", "System theme", "screen"],
  ["light", "Light", "sun"],
  ["dark", "Dark", "moon"],
];

export function Shell({ children }: { children: ReactNode }) {
  const { path } = useAddress();
  const [palette, setPalette] = useState(false);
  const [keys, setKeys] = useState(false);
  usePaletteKey(() => setPalette(true));
  useShortcuts({ "?": () => setKeys(true) });
  return (
    <div className="shell">
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/applications" className="brand" title="Tiphys">
          <Logo />
          <span>Tiphys</span>
        </Link>
        <Menu
          label="Pages"
          className="user-button bar-pages"
          testId="pages-menu"
          start
          trigger={
            <>
              <Icon name="list" />
              <span>{PLACES.find((place) => path.startsWith(place.path))?.title ?? "Pages"}</span>
              <Icon name="down" size={12} />
            </>
          }
          groups={[
            PLACES.map((place) => ({
              title: place.title,
              chosen: path.startsWith(place.path),
              testId: `page-${place.title}`,
              onPress: () => navigate(place.path),
            })),
          ]}
        />
        <nav aria-label="Main">
          {PLACES.map((place) => (
            <Link key={place.path} to={place.path} current={path.startsWith(place.path)}>
              {place.title}
            </Link>
          ))}
        </nav>
        <span className="grow" />
        <button
          type="button"
          className="jump"
          aria-label="Go to an application or page"
          data-testid="button-palette"
          onClick={() => setPalette(true)}
        >
          <Icon name="search" size={14} />
          <span>Go to…</span>
          <kbd>Ctrl K</kbd>
        </button>
        <UserMenu onKeys={() => setKeys(true)} />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {palette && <Palette onClose={() => setPalette(false)} />}
      {keys && <KeysDialog onClose={() => setKeys(false)} />}
    </div>
  );
}

function UserMenu({ onKeys }: { onKeys: () => void }) {
  const session = useSession();
  const theme = useTheme();
  const server = useLoaded("version", version).value?.Version;
  if (session.kind !== "user") return null;
  const leave = () => void logout().catch((error: unknown) => refused("You were not logged out", wordsOf(error)));
  return (
    <Menu
      label={`Signed in as ${session.username}`}
      className="user-button"
      testId="user-menu"
      trigger={
        <>
          <Icon name="user" />
          <span>{session.username}</span>
          <Icon name="down" size={12} />
        </>
      }
      header={
        <div className="menu-head">
          <strong>{session.username}</strong>
          {session.groups.length > 0 && <div className="soft">{session.groups.join(", ")}</div>}
          {server && <div className="faint">Server {server}</div>}
        </div>
      }
      groups={[
        THEMES.map(([id, title, icon]) => ({
          title,
          icon,
          chosen: theme === id,
          testId: `theme-${id}`,
          onPress: () => chooseTheme(id),
        })),
        [
          { title: "Keyboard shortcuts", icon: "keyboard", onPress: onKeys },
          { title: "Log out", icon: "logout", testId: "logout", onPress: leave },
        ],
      ]}
    />
  );
}
