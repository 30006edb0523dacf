// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Application } from "../api/types";
import { anApplication, NEW, OLD } from "../derive/fixtures";
import { filterFromQuery } from "../derive/filters";
import { LoginPage } from "../pages/login";
import { AppTable } from "./app-table";
import { Conditions } from "./conditions";
import { DeleteDialog } from "./delete-dialog";
import { HistoryPanel } from "./history-panel";
import { ConnectionBanner, Toasts } from "./notices";
import { OperationCard } from "./operation-card";
import { SyncPanel } from "./sync-panel";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

let asked: Asked[] = [];
let answer: (asked: Asked) => { status: number; body: unknown };

beforeEach(() => {
  asked = [];
  answer = () => ({ status: 200, body: {} });
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const { pathname, search } = new URL(url);
    const one = {
      method: init.method ?? "GET",
      path: pathname + search,
      body: init.body ? JSON.parse(String(init.body)) : undefined,
    };
    asked.push(one);
    const { status, body } = answer(one);
    return new Response(JSON.stringify(body), { status });
  });
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const commands = () => asked.filter(({ method }) => method !== "GET");
const allowed = { allowed: true, reason: "" };
const pending: Application = anApplication({
  status: {
    sync: { status: "OutOfSync", revision: NEW },
    history: [
      { id: 4, revision: OLD, initiatedBy: { username: "kim" } },
      { id: 5, revision: NEW },
    ],
    resources: [
      { group: "apps", kind: "Deployment", namespace: "n", name: "api", status: "OutOfSync" },
      { kind: "ConfigMap", namespace: "n", name: "old", status: "OutOfSync", requiresPruning: true },
      { kind: "Service", namespace: "n", name: "api", status: "Synced" },
    ],
  },
});
const syncPanel = (permission = allowed) =>
  render(<SyncPanel app={pending} permission={permission} onClose={() => undefined} />);

test("a refused login shows the server's words and empties the password", async () => {
  answer = () => ({
    status: 401,
    body: { error: "Invalid username or password", message: "Invalid username or password" },
  });
  render(<LoginPage />);
  fireEvent.change(screen.getByTestId("login-username"), { target: { value: "kim" } });
  fireEvent.change(screen.getByTestId("login-password"), { target: { value: "wrong" } });
  fireEvent.click(screen.getByTestId("login-submit"));
  await waitFor(() => expect(screen.getByTestId("error-banner").textContent).toContain("Invalid username or password"));
  expect((screen.getByTestId("login-password") as HTMLInputElement).value).toBe("");
  expect(commands()).toEqual([
    { method: "POST", path: "/api/v1/session", body: { username: "kim", password: "wrong" } },
  ]);
});

test("a sync of everything that differs names no resources", async () => {
  syncPanel();
  fireEvent.click(screen.getByTestId("sync-prune"));
  fireEvent.click(screen.getByTestId("sync-submit"));
  await waitFor(() => expect(commands()).toHaveLength(1));
  expect(commands()[0]).toEqual({
    method: "POST",
    path: "/api/v1/applications/around-api-prod/sync",
    body: {
      name: "around-api-prod",
      appNamespace: "argocd",
      prune: true,
      dryRun: false,
      strategy: { hook: { force: false } },
    },
  });
});

test("unticking a resource names the others, and says what that means", async () => {
  syncPanel();
  fireEvent.click(screen.getByTestId("sync-resource-ConfigMap-old"));
  expect(screen.getByTestId("sync-panel").textContent).toContain("hooks are not run");
  fireEvent.click(screen.getByTestId("sync-dry-run"));
  fireEvent.click(screen.getByTestId("sync-submit"));
  await waitFor(() => expect(commands()).toHaveLength(1));
  expect(commands()[0]?.body).toMatchObject({
    dryRun: true,
    resources: [{ group: "apps", kind: "Deployment", namespace: "n", name: "api" }],
  });
});

test("what would be deleted is listed first once prune is ticked", () => {
  syncPanel();
  const first = () => screen.getByTestId("sync-panel").querySelector(".preview-row")?.textContent;
  expect(first()).toContain("Change");
  fireEvent.click(screen.getByTestId("sync-prune"));
  expect(first()).toMatch(/^Delete.*old/);
});

test("without the right the button says why and does nothing", () => {
  syncPanel({ allowed: false, reason: "Your role may not sync applications of project prod." });
  const button = screen.getByTestId("sync-submit");
  expect(button.getAttribute("aria-disabled")).toBe("true");
  expect(button.title).toContain("may not sync");
  fireEvent.click(button);
  expect(commands()).toEqual([]);
});

test("a refusal by the server becomes a toast in its words, and the panel stays", async () => {
  answer = ({ method }) =>
    method === "POST"
      ? { status: 403, body: { message: "permission denied: applications, sync" } }
      : { status: 200, body: {} };
  const close = vi.fn();
  render(
    <>
      <SyncPanel app={pending} permission={allowed} onClose={close} />
      <Toasts />
    </>,
  );
  fireEvent.click(screen.getByTestId("sync-submit"));
  await waitFor(() =>
    expect(screen.getAllByTestId("toast").at(-1)?.textContent).toContain("permission denied: applications, sync"),
  );
  expect(close).not.toHaveBeenCalled();
});

test("a rollback names the revision before it is sent", async () => {
  render(<HistoryPanel app={pending} permission={allowed} onClose={() => undefined} />);
  expect(screen.getByTestId("history-row-5").textContent).toContain("Running");
  expect(screen.queryByTestId("rollback-5")).toBeNull();
  fireEvent.click(screen.getByTestId("rollback-4"));
  expect(screen.getByTestId("rollback-submit").textContent).toContain("aaaaaaa");
  fireEvent.click(screen.getByTestId("rollback-submit"));
  await waitFor(() => expect(commands()).toHaveLength(1));
  expect(commands()[0]).toMatchObject({
    path: "/api/v1/applications/around-api-prod/rollback",
    body: { id: 4, prune: false, dryRun: false },
  });
});

test("nothing is deleted before the whole name is typed", async () => {
  render(<DeleteDialog app={pending} onClose={() => undefined} />);
  fireEvent.change(screen.getByTestId("delete-confirm"), { target: { value: "around-api-pro" } });
  fireEvent.click(screen.getByTestId("delete-submit"));
  expect(commands()).toEqual([]);
  fireEvent.change(screen.getByTestId("delete-confirm"), { target: { value: "around-api-prod" } });
  fireEvent.click(screen.getByTestId("delete-cascade"));
  fireEvent.click(screen.getByTestId("delete-submit"));
  await waitFor(() => expect(commands()).toHaveLength(1));
  expect(commands()[0]).toMatchObject({
    method: "DELETE",
    path: "/api/v1/applications/around-api-prod?appNamespace=argocd&cascade=false",
  });
});

test("errors stand before warnings, each with what to do", () => {
  render(
    <Conditions
      app={anApplication({
        status: {
          conditions: [
            { type: "SharedResourceWarning", message: "w" },
            { type: "ComparisonError", message: "values.yaml: line 3" },
          ],
        },
      })}
    />,
  );
  const shown = screen.getAllByRole("alert").map((element) => element.dataset["testid"]);
  expect(shown).toEqual(["condition-ComparisonError", "condition-SharedResourceWarning"]);
  expect(screen.getByTestId("condition-ComparisonError").textContent).toMatch(
    /values\.yaml: line 3.*Nothing is changed or pruned/,
  );
});

test("a running sync can be terminated; one that ended cannot", async () => {
  const { rerender } = render(
    <OperationCard app={anApplication({ status: { operationState: { phase: "Running" } } })} permission={allowed} />,
  );
  fireEvent.click(screen.getByTestId("button-terminate"));
  await waitFor(() =>
    expect(commands()[0]).toMatchObject({
      method: "DELETE",
      path: "/api/v1/applications/around-api-prod/operation?appNamespace=argocd",
    }),
  );
  rerender(
    <OperationCard
      app={anApplication({ status: { operationState: { phase: "Failed", message: "Operation terminated" } } })}
      permission={allowed}
    />,
  );
  expect(screen.queryByTestId("button-terminate")).toBeNull();
  expect(screen.getByTestId("operation").textContent).toContain("Operation terminated");
});

test("a lost connection is said, with the time of what is shown; a live one is not", () => {
  const retry = vi.fn();
  const { rerender } = render(<ConnectionBanner stream={{ kind: "live" }} asOf={0} onRetry={retry} />);
  expect(screen.queryByTestId("error-banner")).toBeNull();
  rerender(
    <ConnectionBanner
      stream={{ kind: "lost", reason: "gone", retryAt: Date.now() + 9000 }}
      asOf={Date.parse("2026-11-23T12:00:00")}
      onRetry={retry}
    />,
  );
  expect(screen.getByTestId("error-banner").textContent).toMatch(/Connection lost.*12:00:00.*gone/);
  fireEvent.click(screen.getByText("Retry now"));
  expect(retry).toHaveBeenCalledOnce();
});

test("a thousand applications are a few dozen rows, and one question of who may sync those", async () => {
  const apps = Array.from({ length: 1000 }, (_, index) => anApplication({ name: `app-${index}` }));
  render(
    <AppTable
      apps={apps}
      filter={filterFromQuery(new URLSearchParams())}
      stale={false}
      onSort={() => undefined}
      onSync={() => undefined}
    />,
  );
  expect(screen.getAllByTestId(/^app-row-/).length).toBeLessThan(40);
  expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("1001");
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]).toMatchObject({ method: "POST", path: "/api/v1/account/can-i" });
  expect((asked[0]?.body as { questions: unknown[] }).questions.length).toBeLessThan(40);
});

test("a row offers no sync before it is known that one may, and says why when one may not", async () => {
  answer = () => ({ status: 200, body: { values: ["no"] } });
  const app = anApplication({ name: "forbidden" });
  const nothing = () => undefined;
  render(
    <AppTable
      apps={[app]}
      filter={filterFromQuery(new URLSearchParams())}
      stale={false}
      onSort={nothing}
      onSync={nothing}
    />,
  );
  const button = screen.getByTestId("row-sync-forbidden");
  expect(button.getAttribute("aria-disabled")).toBe("true");
  await waitFor(() => expect(button.title).toContain("may not sync applications of project prod"));
});

test("a failure that a newer commit has mended is told, but not as an error", () => {
  const state = { phase: "Failed" as const, message: "no such image", syncResult: { revision: OLD } };
  render(
    <OperationCard
      app={anApplication({ status: { sync: { status: "Synced", revision: NEW }, operationState: state } })}
      permission={allowed}
    />,
  );
  expect(screen.getByTestId("operation").className).toContain("tone-edge-none");
  expect(screen.getByTestId("operation").textContent).toContain("A newer commit has mended it. no such image");
});

test("a condition says since when nothing was heard, and whose commit cannot be rendered", async () => {
  answer = () => ({ status: 200, body: { author: "Ann Lee <ann@example.com>", message: "Break it\n\nmore" } });
  const silent = new Date(Date.now() - 200_000).toISOString();
  const conditions = [
    { type: "UnknownError", message: `cluster prod does not answer since ${silent}` },
    { type: "ComparisonError", message: `commit ${NEW}: values.yaml line 3` },
  ];
  render(<Conditions app={anApplication({ status: { conditions } })} />);
  expect(screen.getByTestId("silent-since").textContent).toContain("Nothing heard for 3 min");
  await waitFor(() => expect(screen.getByTestId("failing-commit").textContent).toContain("by Ann Lee: “Break it”"));
});

test("before a deletion it is said that a set will make the application again", () => {
  const ownerReferences = [{ kind: "ApplicationSet", name: "webs" }];
  render(<DeleteDialog app={anApplication({ metadata: { ownerReferences } })} onClose={() => undefined} />);
  expect(screen.getByTestId("delete-set-notice").textContent).toContain("ApplicationSet webs will make it again");
});

test("a doubtful verdict is marked in its row", () => {
  const apps = [
    anApplication({
      name: "broken",
      status: { health: { status: "Healthy" }, conditions: [{ type: "ComparisonError", message: "no chart" }] },
    }),
  ];
  render(
    <AppTable
      apps={apps}
      filter={filterFromQuery(new URLSearchParams())}
      stale={false}
      onSort={() => undefined}
      onSync={() => undefined}
    />,
  );
  expect(screen.getByTestId("app-health").className).toContain("doubtful");
  expect(screen.getByTestId("app-row-broken").textContent).toContain("ComparisonError");
});
