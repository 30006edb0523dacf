import { describe, expect, test } from "vitest";
import type { ApplicationTree, TreeNode } from "../api/types";
import { anApplication } from "./fixtures";
import { EVERYTHING, branches, flattened, joinResources, kindsOf, type Branch, type TreeChoice } from "./tree";

const app = anApplication({
  status: {
    resources: [
      {
        group: "apps",
        kind: "Deployment",
        namespace: "around",
        name: "api",
        status: "OutOfSync",
        health: { status: "Healthy" },
      },
      { kind: "ConfigMap", namespace: "around", name: "old", status: "OutOfSync", requiresPruning: true },
      { kind: "ConfigMap", namespace: "around", name: "new", status: "OutOfSync", health: { status: "Missing" } },
    ],
  },
});
const deployment: TreeNode = { group: "apps", kind: "Deployment", namespace: "around", name: "api", uid: "d" };
const replicaSet: TreeNode = {
  group: "apps",
  kind: "ReplicaSet",
  namespace: "around",
  name: "api-1",
  uid: "r",
  parentRefs: [{ kind: "Deployment", name: "api", uid: "d" }],
  info: [{ name: "Containers", value: "3 pods" }],
};
const pod = (number: number, health: "Healthy" | "Degraded" = "Healthy"): TreeNode => ({
  kind: "Pod",
  namespace: "around",
  name: `api-1-${number}`,
  uid: `p${number}`,
  health: { status: health },
  parentRefs: [{ kind: "ReplicaSet", name: "api-1", uid: "r" }],
});
const config: TreeNode = { kind: "ConfigMap", namespace: "around", name: "old", uid: "c" };

const tree = (...nodes: TreeNode[]): ApplicationTree => ({ nodes });
const drawn = (given: ApplicationTree | undefined, choice: Partial<TreeChoice> = {}) =>
  branches(app, joinResources(app, given), { ...EVERYTHING, ...choice });
const names = (branch: Branch): unknown[] =>
  branch.children.map((child) => {
    const name = child.resource ? child.resource.name : `${child.members.length} grouped`;
    return child.children.length ? [name, names(child)] : name;
  });

describe("the tree", () => {
  test("hangs children below their owners and managed resources below the application", () => {
    expect(names(drawn(tree(deployment, replicaSet, pod(1), config)))).toEqual([
      ["api", [["api-1", ["api-1-1"]]]],
      "new",
      "old",
    ]);
  });
  test("shows managed resources before the live tree is there, missing ones too", () => {
    expect(names(drawn(undefined))).toEqual(["api", "new", "old"]);
  });
  test("joins sync status from the application with facts of the live object", () => {
    const { byId } = joinResources(app, tree({ ...deployment, info: [{ name: "Revision", value: "Rev:2" }] }));
    expect(byId.get("apps/Deployment/around/api")).toMatchObject({
      sync: "OutOfSync",
      health: "Healthy",
      uid: "d",
      info: [{ value: "Rev:2" }],
    });
  });
  test("marks what Git no longer has", () => {
    expect(joinResources(app, undefined).byId.get("/ConfigMap/around/old")?.requiresPruning).toBe(true);
  });
  test("shows nothing as Synced that was compared before the comparison failed", () => {
    const broken = anApplication({
      status: {
        conditions: [{ type: "ComparisonError" }],
        resources: [{ kind: "Service", name: "a", status: "Synced" }],
      },
    });
    expect(joinResources(broken, undefined).byId.get("/Service//a")).toMatchObject({ sync: "Unknown", doubtful: true });
    expect(branches(broken, joinResources(broken, undefined), EVERYTHING).resource?.doubtful).toBe(true);
  });
  test("finds an owner by name if the uid is not told", () => {
    const byName = {
      ...replicaSet,
      parentRefs: [{ group: "apps", kind: "Deployment", namespace: "around", name: "api" }],
    };
    expect(names(drawn(tree(deployment, byName)))[0]).toEqual(["api", ["api-1"]]);
  });
  test("puts an object whose owner is unknown at the top", () => {
    expect(names(drawn(tree(replicaSet)))).toContain("api-1");
  });
  test("loses nothing to owners that own each other", () => {
    const a: TreeNode = { kind: "Loop", name: "a", uid: "a", parentRefs: [{ kind: "Loop", name: "b", uid: "b" }] };
    const b: TreeNode = { kind: "Loop", name: "b", uid: "b", parentRefs: [{ kind: "Loop", name: "a", uid: "a" }] };
    const seen = flattened(drawn(tree(a, b))).map(({ resource }) => resource.name);
    expect(seen).toEqual(expect.arrayContaining(["a", "b"]));
  });
});

describe("groups", () => {
  const pods = (count: number) => Array.from({ length: count }, (_, index) => pod(index));
  const below = (branch: Branch): Branch[] => branch.children[0]?.children[0]?.children.slice() ?? [];

  test("four quiet pods are drawn one by one, five become one", () => {
    expect(below(drawn(tree(deployment, replicaSet, ...pods(4)))).map(({ kind }) => kind)).toEqual([
      "resource",
      "resource",
      "resource",
      "resource",
    ]);
    expect(below(drawn(tree(deployment, replicaSet, ...pods(5)))).map(({ kind }) => kind)).toEqual(["group"]);
  });
  test("a pod in trouble stays in sight", () => {
    const found = below(drawn(tree(deployment, replicaSet, ...pods(8), pod(99, "Degraded"))));
    expect(found.map(({ kind, members, resource }) => (kind === "group" ? members.length : resource?.name))).toEqual([
      8,
      "api-1-99",
    ]);
  });
  test("an opened group is drawn one by one", () => {
    const given = tree(deployment, replicaSet, ...pods(6));
    const group = below(drawn(given))[0];
    expect(below(drawn(given, { opened: new Set([group?.id ?? ""]) }))).toHaveLength(6);
  });
});

describe("filters", () => {
  const given = tree(deployment, replicaSet, pod(1), pod(2, "Degraded"), config);
  test("by kind keep the way down to it", () => {
    expect(names(drawn(given, { kinds: new Set(["Pod"]) }))).toEqual([["api", [["api-1", ["api-1-1", "api-1-2"]]]]]);
  });
  test("problems only", () => {
    expect(names(drawn(given, { problemsOnly: true }))).toEqual([["api", [["api-1", ["api-1-2"]]]], "new", "old"]);
  });
  test("by words of kind and name", () => {
    expect(names(drawn(given, { search: "configmap o" }))).toEqual(["old"]);
  });
  test("a ReplicaSet that a Deployment has left behind is not drawn unless asked for", () => {
    const left = { ...replicaSet, name: "api-0", uid: "r0", info: [] };
    const seen = (choice: Partial<TreeChoice>) => JSON.stringify(names(drawn(tree(deployment, left), choice)));
    expect(seen({})).not.toContain("api-0");
    expect(seen({ showEmptyReplicaSets: true })).toContain("api-0");
  });
});

test("kinds are counted, workloads first", () => {
  expect(kindsOf(joinResources(app, tree(deployment, replicaSet, pod(1), pod(2), config)))).toEqual([
    { kind: "Deployment", count: 1 },
    { kind: "ReplicaSet", count: 1 },
    { kind: "Pod", count: 2 },
    { kind: "ConfigMap", count: 2 },
  ]);
});

test("as rows, the application comes first, children are one level deeper and groups are written out", () => {
  const rows = flattened(drawn(tree(deployment, replicaSet, ...Array.from({ length: 5 }, (_, index) => pod(index)))));
  expect(rows.map(({ resource, depth }) => `${depth} ${resource.name}`)).toEqual([
    "0 around-api-prod",
    "0 api",
    "1 api-1",
    "2 api-1-0",
    "2 api-1-1",
    "2 api-1-2",
    "2 api-1-3",
    "2 api-1-4",
    "0 new",
    "0 old",
  ]);
});
