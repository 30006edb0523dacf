import { describe, expect, test } from "vitest";
import { anApplication, NEW, OLD } from "./fixtures";
import type { Application } from "../api/types";
import { commitIn, counted, reasons as reasonsFor, remedy, silentSince } from "./explain";
import { joinResources } from "./tree";

const reasons = (app: Application) => reasonsFor(app, joinResources(app, undefined).byId.values());
const history = [{ id: 0, revision: OLD }];

describe("why", () => {
  test("a synced application needs no reason", () => {
    expect(reasons(anApplication())).toEqual([]);
  });
  test("a commit waits under a manual policy", () => {
    const app = anApplication({
      status: {
        sync: { status: "OutOfSync", revision: NEW },
        history,
        resources: [{ kind: "A", name: "a", status: "OutOfSync" }],
      },
    });
    expect(reasons(app)).toEqual([
      "Commit bbbbbbb waits: new commits go out only when someone syncs; aaaaaaa is running.",
      "1 resource differs from Git.",
    ]);
  });
  test("a commit goes out by itself under an automatic one", () => {
    const app = anApplication({
      spec: { syncPolicy: { automated: {} } },
      status: {
        sync: { status: "OutOfSync", revision: NEW },
        history,
        resources: [{ kind: "A", name: "a", status: "OutOfSync" }],
      },
    });
    expect(reasons(app)[0]).toBe("Commit bbbbbbb is newer than the synced aaaaaaa and goes out by itself.");
  });
  test("under an automatic policy without prune, what is kept is the only reason", () => {
    const resources = [{ kind: "A", name: "a", status: "OutOfSync" as const, requiresPruning: true }];
    const app = anApplication({
      spec: { syncPolicy: { automated: {} } },
      status: { sync: { status: "OutOfSync", revision: NEW }, history, resources },
    });
    expect(reasons(app)).toEqual(["1 resource removed from Git is kept: a sync with prune deletes it."]);
  });
  test("never synced", () => {
    expect(reasons(anApplication({ status: { sync: { status: "OutOfSync", revision: NEW }, history: [] } }))[0]).toBe(
      "Never synced: the first sync is up to a person.",
    );
  });
  test("drift, missing and kept resources are counted apart", () => {
    const app = anApplication({
      status: {
        sync: { status: "OutOfSync", revision: OLD },
        history,
        resources: [
          { kind: "A", name: "a", status: "OutOfSync" },
          { kind: "A", name: "b", status: "OutOfSync" },
          { kind: "A", name: "c", status: "OutOfSync", health: { status: "Missing" } },
          { kind: "A", name: "d", status: "OutOfSync", requiresPruning: true },
        ],
      },
    });
    expect(reasons(app)).toEqual([
      "2 resources differ from Git, 1 resource is missing.",
      "1 resource removed from Git is kept: a sync with prune deletes it.",
    ]);
  });
  test("a failed comparison is said alone: nothing else can be trusted", () => {
    const app = anApplication({
      status: { sync: { status: "OutOfSync", revision: NEW }, conditions: [{ type: "ComparisonError" }] },
    });
    expect(reasons(app)).toHaveLength(1);
    expect(reasons(app)[0]).toContain("comparison failed");
  });
});

test("every error condition comes with what to do", () => {
  for (const type of ["ComparisonError", "InvalidSpecError", "SyncError", "DeletionError", "UnknownError"]) {
    expect(remedy(type)).not.toBe("");
  }
  expect(remedy("SomethingNew")).toBe("");
});

test("numbers agree with their nouns", () => {
  expect([counted(1, "resource"), counted(2, "resource"), counted(3, "policy"), counted(0, "day")]).toEqual([
    "1 resource",
    "2 resources",
    "3 policies",
    "0 days",
  ]);
});

test("a condition that names a commit or a silence is read for both", () => {
  expect(commitIn("app/x.yaml line 3: no kind (commit ccccccc by Ann Lee <ann@example.com>)")).toEqual({
    commit: "ccccccc",
    author: "Ann Lee <ann@example.com>",
  });
  expect(commitIn(`commit ${"c".repeat(40)}: no kind`).commit).toBe("c".repeat(40));
  expect([commitIn("app/x.yaml line 3").commit, commitIn(undefined).commit]).toEqual(["", ""]);
  expect(silentSince("cluster prod does not answer since 2026-11-24T12:00:00Z, so")).toBe("2026-11-24T12:00:00Z");
  expect([silentSince("no chart since yesterday"), silentSince(undefined)]).toEqual(["", ""]);
});
