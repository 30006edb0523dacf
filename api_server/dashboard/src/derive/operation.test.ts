import { describe, expect, test } from "vitest";
import type { OperationState } from "../api/types";
import { anApplication, NEW } from "./fixtures";
import { attemptWords, initiatorWords, operationView } from "./operation";

const running: OperationState = {
  phase: "Running",
  startedAt: "2026-11-23T12:00:00Z",
  operation: { sync: { revision: NEW }, initiatedBy: { username: "kim" } },
  syncResult: {
    revision: NEW,
    resources: [
      { kind: "Service", name: "a", status: "Synced" },
      { kind: "ConfigMap", name: "old", status: "PruneSkipped" },
      { group: "batch", kind: "Job", name: "migrate", hookType: "PreSync", hookPhase: "Running" },
      { kind: "Secret", name: "s", status: "SyncFailed", message: "denied" },
      { kind: "Service", name: "later" },
    ],
  },
};
const outOfSync = [1, 2, 3, 4, 5, 6].map((number) => ({
  kind: "ConfigMap",
  name: String(number),
  status: "OutOfSync" as const,
}));

describe("a running sync", () => {
  const view = operationView(anApplication({ status: { operationState: running, resources: outOfSync } }));
  test("counts what is over, and expects as many as differ", () => {
    expect(view).toMatchObject({
      running: true,
      finished: 3,
      failed: 1,
      total: 11,
      by: "kim",
      revision: "bbbbbbb",
      title: "Sync runs",
    });
  });
  test("shows what failed and what runs before what is done", () => {
    expect(view?.rows.map(({ tone }) => tone)).toEqual(["failed", "running", "waiting", "done", "skipped"]);
  });
  test("says the server's words, else its own", () => {
    expect(view?.rows.map(({ words }) => words)).toEqual(["denied", "in progress", "waiting", "applied", "skipped"]);
  });
  test("does not expect again what has begun, even if it still differs", () => {
    const resources = [{ kind: "Service", name: "a", status: "OutOfSync" as const }, ...outOfSync];
    expect(operationView(anApplication({ status: { operationState: running, resources } }))?.total).toBe(11);
  });
  test("of chosen resources expects those", () => {
    const named = { ...running, operation: { sync: { resources: [{ kind: "A", name: "a" }] } }, syncResult: null };
    expect(operationView(anApplication({ status: { operationState: named, resources: outOfSync } }))?.total).toBe(1);
  });
});

test("a request counts as a sync that starts, before the controller has taken it", () => {
  const view = operationView(
    anApplication({
      operation: { sync: { dryRun: true }, initiatedBy: { username: "kim" } },
      status: { operationState: { phase: "Succeeded" } },
    }),
  );
  expect(view).toMatchObject({ running: true, title: "Dry run starts", by: "kim" });
});

test("while the controller works on it, its own state is shown, not the request", () => {
  expect(operationView(anApplication({ operation: { sync: {} }, status: { operationState: running } }))?.title).toBe(
    "Sync runs",
  );
});

test("a finished one waits for nothing more", () => {
  const view = operationView(
    anApplication({
      status: {
        operationState: { ...running, phase: "Failed", finishedAt: "2026-11-23T12:00:09Z" },
        resources: outOfSync,
      },
    }),
  );
  expect(view).toMatchObject({ running: false, title: "Sync failed", total: 5 });
});

test("healing is called so", () => {
  const healing: OperationState = {
    ...running,
    phase: "Succeeded",
    operation: { sync: { autoHealAttemptsCount: 1 }, initiatedBy: { automated: true } },
  };
  expect(operationView(anApplication({ status: { operationState: healing } }))).toMatchObject({
    title: "Self-heal succeeded",
    by: "self-heal",
  });
});

test("no operation, no view", () => {
  expect(operationView(anApplication())).toBeUndefined();
});

test.each([
  [{ username: "kim" }, undefined, "kim"],
  [{ automated: true }, undefined, "autosync"],
  [{ automated: true }, 2, "self-heal"],
  [undefined, undefined, "unknown"],
])("%j with %j heal attempts is %s", (by, attempts, words) => {
  expect(initiatorWords(by, attempts)).toBe(words);
});

describe("a rollback", () => {
  const operation = { sync: { revision: NEW }, info: [{ name: "Rollback", value: "to history id 3" }] };
  const by = { ...operation, initiatedBy: { username: "kim" } };
  test("says that it is one, where to, and by whom", () => {
    const view = operationView(anApplication({ status: { operationState: { ...running, operation: by } } }));
    expect(view).toMatchObject({ title: "Rollback to bbbbbbb runs", by: "kim", revision: "" });
  });
  test("says so from the request on", () => {
    expect(operationView(anApplication({ operation: by }))?.title).toBe("Rollback to bbbbbbb starts");
  });
  test("is no sync of an old revision that somebody asked for", () => {
    expect(operationView(anApplication({ status: { operationState: running } }))?.title).toBe("Sync runs");
  });
});

describe("attempts", () => {
  const state = (retryCount: number, limit?: number) =>
    attemptWords({ phase: "Running", retryCount, operation: limit === undefined ? {} : { retry: { limit } } });
  test("count the first one too, and are not mentioned while it is the only one", () => {
    expect([state(0, 5), state(1, 5), state(5, 5)]).toEqual(["", "attempt 2 of 6", "attempt 6 of 6"]);
  });
  test("without a limit have no end", () => {
    expect([state(3, -1), state(1)]).toEqual(["attempt 4", "attempt 2"]);
  });
  test.each(["Retrying: attempt 2 of 3", "Retrying attempt #1"])("to come, told as '%s', are counted once", (words) => {
    const message = `one object failed. ${words} at 2026-11-24T12:00:05Z`;
    const waiting = { ...running, message, retryCount: 1, operation: { retry: { limit: 2 } } };
    expect(operationView(anApplication({ status: { operationState: waiting } }))).toMatchObject({
      message: "one object failed.",
      attempt: "attempt 2 of 3",
      nextAt: "2026-11-24T12:00:05Z",
    });
  });
});
