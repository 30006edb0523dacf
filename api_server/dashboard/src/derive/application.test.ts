import { describe, expect, test } from "vitest";
import {
  clusterOf,
  commitUrl,
  commitWaits,
  errorsOf,
  hasNewCommit,
  isMended,
  isRunning,
  keptResources,
  setOf,
  shortRevision,
  syncedRevision,
  verdictDoubtful,
  wentBackTo,
} from "./application";
import { anApplication, NEW, OLD } from "./fixtures";

const outOfSyncAt = (revision: string) =>
  anApplication({ status: { sync: { status: "OutOfSync", revision }, history: [{ id: 0, revision: OLD }] } });

describe("a commit waits", () => {
  test("if Git is at another commit than the last sync", () => {
    expect(commitWaits(outOfSyncAt(NEW))).toBe(true);
  });
  test("not if only the cluster has drifted", () => {
    expect(commitWaits(outOfSyncAt(OLD))).toBe(false);
  });
  test("not if the newer commit changes nothing for this application", () => {
    expect(
      commitWaits(
        anApplication({ status: { sync: { status: "Synced", revision: NEW }, history: [{ id: 0, revision: OLD }] } }),
      ),
    ).toBe(false);
  });
  test("not under a policy that sends it out by itself", () => {
    const automatic = anApplication({ ...outOfSyncAt(NEW), spec: { syncPolicy: { automated: {} } } });
    expect([hasNewCommit(automatic), commitWaits(automatic)]).toEqual([true, false]);
  });
  test("not before the first sync", () => {
    expect(commitWaits(anApplication({ status: { sync: { status: "OutOfSync", revision: NEW }, history: [] } }))).toBe(
      false,
    );
  });
});

test("the synced revision is that of the entry with the highest id, in whatever order they are stored", () => {
  const app = anApplication({
    status: {
      history: [
        { id: 3, revision: NEW },
        { id: 1, revision: OLD },
      ],
    },
  });
  expect(syncedRevision(app)).toBe(NEW);
});

describe("green means green", () => {
  test("a comparison error makes the verdict doubtful, however healthy", () => {
    expect(
      verdictDoubtful(
        anApplication({ status: { health: { status: "Healthy" }, conditions: [{ type: "ComparisonError" }] } }),
      ),
    ).toBe(true);
  });
  test("a failed sync does not: the comparison holds", () => {
    expect(verdictDoubtful(anApplication({ status: { conditions: [{ type: "SyncError" }] } }))).toBe(false);
  });
  test("nor does a warning", () => {
    expect(verdictDoubtful(anApplication({ status: { conditions: [{ type: "SharedResourceWarning" }] } }))).toBe(false);
  });
});

test("only whole commit ids are shortened", () => {
  expect(shortRevision(OLD)).toBe("aaaaaaa");
  expect(shortRevision("1.2.3")).toBe("1.2.3");
  expect(shortRevision(undefined)).toBe("");
});

test("a cluster is called by its name, else by its address", () => {
  expect(clusterOf(anApplication())).toBe("prod");
  expect(clusterOf(anApplication({ spec: { destination: { server: "https://10.0.0.1:6443" } } }))).toBe(
    "10.0.0.1:6443",
  );
  expect(clusterOf(anApplication({ spec: { destination: { server: "https://kubernetes.default.svc" } } }))).toBe(
    "in-cluster",
  );
});

test("a sync runs from the request on, until its phase is final", () => {
  expect(isRunning(anApplication({ operation: { sync: {} } }))).toBe(true);
  expect(isRunning(anApplication({ status: { operationState: { phase: "Terminating" } } }))).toBe(true);
  expect(isRunning(anApplication({ status: { operationState: { phase: "Succeeded" } } }))).toBe(false);
});

test("kept are the resources that wait for pruning", () => {
  const resources = [
    { kind: "ConfigMap", name: "old", requiresPruning: true },
    { kind: "ConfigMap", name: "new" },
  ];
  expect(keptResources(anApplication({ status: { resources } })).map(({ name }) => name)).toEqual(["old"]);
});

describe("a commit's address", () => {
  test.each([
    ["https://github.com/team/deploy.git", `https://github.com/team/deploy/commit/${OLD}`],
    ["git@gitlab.com:team/deploy.git", `https://gitlab.com/team/deploy/-/commit/${OLD}`],
    ["https://git.example.com/team/deploy", ""],
    ["https://github.com.evil.example/team/deploy", ""],
  ])("%s", (repoURL, url) => {
    expect(commitUrl(repoURL, OLD)).toBe(url);
  });
  test("only for whole commit ids", () => {
    expect(commitUrl("https://github.com/team/deploy", "main")).toBe("");
  });
});

describe("a failed sync", () => {
  const failedAt = (revision: string, compared = NEW, more: object = {}) =>
    anApplication({
      status: {
        sync: { status: "Synced", revision: compared },
        operationState: { phase: "Failed", operation: { sync: {} }, syncResult: { revision } },
        ...more,
      },
    });
  test("is mended once another commit is in sync", () => {
    expect(isMended(failedAt(OLD))).toBe(true);
  });
  test("is not mended by the same commit, by one that differs, or by one nothing is known of", () => {
    expect(isMended(failedAt(NEW))).toBe(false);
    expect(isMended(failedAt(OLD, NEW, { sync: { status: "OutOfSync", revision: NEW } }))).toBe(false);
    expect(isMended(failedAt(OLD, NEW, { conditions: [{ type: "ComparisonError" }] }))).toBe(false);
    expect(isMended(failedAt("", NEW))).toBe(false);
  });
  test("that is mended is no error any more", () => {
    const conditions = [{ type: "SyncError", message: "failed" }];
    expect(errorsOf(failedAt(OLD, NEW, { conditions }))).toEqual([]);
    expect(errorsOf(failedAt(NEW, NEW, { conditions }))).toEqual(conditions);
  });
});

test("an entry that repeats an older one goes back to it; a second sync of the same revision does not", () => {
  const history = [
    { id: 1, revision: OLD },
    { id: 2, revision: NEW },
    { id: 3, revision: OLD },
    { id: 4, revision: OLD },
  ];
  expect(history.map((entry) => wentBackTo(entry, history)?.id)).toEqual([undefined, undefined, 1, undefined]);
});

test("an application made by a set says by which", () => {
  const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "ApplicationSet", name: "webs" };
  expect(setOf(anApplication({ metadata: { ownerReferences: [{ kind: "Other", name: "x" }, owner] } }))).toBe("webs");
  expect(setOf(anApplication())).toBe("");
});
