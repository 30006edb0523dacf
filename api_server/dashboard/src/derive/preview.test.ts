import { describe, expect, test } from "vitest";
import { countOf } from "./diff";
import { anApplication } from "./fixtures";
import { decoded, preselected, preview, resourceDiff, resourcesToName, withoutNoise } from "./preview";

const app = anApplication({
  status: {
    resources: [
      { kind: "Service", namespace: "n", name: "equal", status: "Synced" },
      { group: "apps", kind: "Deployment", namespace: "n", name: "changed", status: "OutOfSync" },
      { kind: "ConfigMap", namespace: "n", name: "gone", status: "OutOfSync", requiresPruning: true },
      { kind: "ConfigMap", namespace: "n", name: "missing", status: "OutOfSync", health: { status: "Missing" } },
      { group: "batch", kind: "Job", namespace: "n", name: "migrate", status: "OutOfSync", hook: true },
    ],
  },
});
const effects = (prune: boolean) => preview(app, prune).map(({ resource, effect }) => `${effect} ${resource.name}`);

describe("a preview", () => {
  test("names deletions first", () => {
    expect(effects(true)).toEqual(["delete gone", "create missing", "change changed", "none equal"]);
  });
  test("without prune keeps what Git removed", () => {
    expect(effects(false)).toEqual(["create missing", "change changed", "keep gone", "none equal"]);
  });
});

describe("chosen resources", () => {
  test("begin as everything that differs, hooks aside", () => {
    expect([...preselected(app)]).toEqual(["apps/Deployment/n/changed", "/ConfigMap/n/gone", "/ConfigMap/n/missing"]);
  });
  test("are not named while nothing was unticked: the whole application is synced", () => {
    expect(resourcesToName(app, preselected(app))).toBeUndefined();
  });
  test("are named once the choice differs", () => {
    expect(resourcesToName(app, new Set(["apps/Deployment/n/changed"]))).toEqual([
      { group: "apps", kind: "Deployment", namespace: "n", name: "changed" },
    ]);
  });
  test("a choice of the same size but of others is named too", () => {
    const chosen = new Set(["apps/Deployment/n/changed", "/ConfigMap/n/gone", "/Service/n/equal"]);
    expect(resourcesToName(app, chosen)?.map(({ name }) => name)).toEqual(["equal", "changed", "gone"]);
  });
});

describe("a resource's difference", () => {
  const object = (replicas: number, extra: object = {}) =>
    JSON.stringify({ kind: "Deployment", metadata: { name: "x", ...extra }, spec: { replicas } });
  const id = { kind: "Deployment", name: "x" };
  test("compares live with the prediction", () => {
    const lines = resourceDiff({ ...id, liveState: object(7), targetState: object(1), predictedLiveState: object(3) });
    expect(lines.filter(({ kind }) => kind !== "same").map(({ text }) => text.trim())).toEqual([
      "replicas: 7",
      "replicas: 3",
    ]);
  });
  test("falls back on the desired state where nothing is predicted", () => {
    expect(
      countOf(
        resourceDiff({
          ...id,
          liveState: "null",
          normalizedLiveState: "null",
          targetState: object(3),
          predictedLiveState: "null",
        }),
      ),
    ).toMatchObject({ removed: 0, added: 5 });
  });
  test("of a pruned one is all removed", () => {
    expect(countOf(resourceDiff({ ...id, liveState: object(3), targetState: "" }))).toMatchObject({
      removed: 5,
      added: 0,
    });
  });
  test("leaves the API server's bookkeeping out", () => {
    const live = object(3, {
      uid: "u",
      resourceVersion: "5",
      managedFields: [{}],
      generation: 2,
      creationTimestamp: "t",
    });
    expect(countOf(resourceDiff({ ...id, liveState: live, targetState: object(3) }))).toEqual({ added: 0, removed: 0 });
  });
});

test("bookkeeping goes, other annotations stay", () => {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "1" };
  expect(withoutNoise({ metadata: { name: "x", uid: "u", annotations }, status: {} })).toEqual({
    metadata: { name: "x", annotations: { mine: "1" } },
  });
});

test.each([undefined, "", "null"])("%j is no object", (state) => {
  expect(decoded(state)).toBeUndefined();
});
