import { describe, expect, test } from "vitest";
import { anApplication, NEW } from "./fixtures";
import { cleared, filterFromQuery, filterToQuery, isFiltering, listing, matchesSearch, toggled } from "./filters";

const apps = [
  anApplication({
    name: "around-api-dev",
    spec: { project: "dev", destination: { name: "dev", namespace: "around" } },
  }),
  anApplication({
    name: "around-api-prod",
    status: {
      sync: { status: "OutOfSync", revision: NEW },
      health: { status: "Healthy" },
      history: [{ id: 0, revision: "x" }],
    },
  }),
  anApplication({
    name: "privacy-api-prod",
    spec: { source: { path: "services/privacy-api" }, destination: { name: "prod", namespace: "privacy" } },
    status: { sync: { status: "Synced" }, health: { status: "Degraded" } },
  }),
];
const names = (query: string) =>
  listing(apps, filterFromQuery(new URLSearchParams(query))).shown.map(({ metadata }) => metadata.name);

describe("the list shows", () => {
  test.each([
    ["", ["around-api-dev", "around-api-prod", "privacy-api-prod"]],
    ["search=privacy", ["privacy-api-prod"]],
    ["search=around+prod", ["around-api-prod"]],
    ["search=bbbbbbb", ["around-api-prod"]],
    ["sync=OutOfSync", ["around-api-prod"]],
    ["sync=OutOfSync&sync=Synced&project=prod", ["around-api-prod", "privacy-api-prod"]],
    ["health=Degraded&project=dev", []],
    ["attention=Commit+waits", ["around-api-prod"]],
    ["sort=-name", ["privacy-api-prod", "around-api-prod", "around-api-dev"]],
    ["sort=health", ["privacy-api-prod", "around-api-dev", "around-api-prod"]],
    ["sort=nonsense", ["around-api-dev", "around-api-prod", "privacy-api-prod"]],
  ])("%s", (query, expected) => {
    expect(names(query)).toEqual(expected);
  });
});

describe("counts", () => {
  const count = (query: string, facet: "sync" | "project", value: string) =>
    listing(apps, filterFromQuery(new URLSearchParams(query))).facets[facet].find((one) => one.value === value)?.count;

  test("of a facet ignore its own choice, so another value can be added", () => {
    expect(count("sync=OutOfSync", "sync", "Synced")).toBe(2);
  });
  test("of other facets obey it", () => {
    expect(count("sync=OutOfSync", "project", "prod")).toBe(1);
    expect(count("sync=OutOfSync", "project", "dev")).toBeUndefined();
  });
  test("a chosen value that nothing matches stays to be unchosen", () => {
    expect(count("project=gone", "project", "gone")).toBe(0);
  });
});

test("a filter survives the way through the address", () => {
  const filter = filterFromQuery(
    new URLSearchParams("search=api&sync=OutOfSync&sync=Unknown&cluster=prod&sort=-synced"),
  );
  expect(filterFromQuery(filterToQuery(filter))).toEqual(filter);
  expect(filterToQuery(cleared(filter)).toString()).toBe("sort=-synced");
});

test("toggling twice changes nothing", () => {
  const filter = filterFromQuery(new URLSearchParams());
  const once = toggled(filter, "health", "Degraded");
  expect(isFiltering(once)).toBe(true);
  expect(toggled(once, "health", "Degraded")).toEqual(filter);
});

test("search looks at destination and source, whatever the case", () => {
  const app = anApplication();
  expect(matchesSearch(app, "GIT.example services/around")).toBe(true);
  expect(matchesSearch(app, "nowhere")).toBe(false);
});
