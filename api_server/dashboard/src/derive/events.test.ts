import { expect, test } from "vitest";
import { applyEvents, isOlder, listedAnew } from "./events";
import { anApplication } from "./fixtures";

const at = (resourceVersion: string, uid = "1") => anApplication({ name: "a", metadata: { resourceVersion, uid } });
const known = new Map([["argocd/a", at("10")]]);

test("a newer state replaces the known one", () => {
  expect(
    applyEvents(known, [{ type: "MODIFIED", application: at("11") }]).get("argocd/a")?.metadata.resourceVersion,
  ).toBe("11");
});

test("an older state does not", () => {
  expect(applyEvents(known, [{ type: "ADDED", application: at("9") }]).get("argocd/a")?.metadata.resourceVersion).toBe(
    "10",
  );
});

test("an application created anew under the same name counts, even with a lower version", () => {
  expect(applyEvents(known, [{ type: "ADDED", application: at("9", "2") }]).get("argocd/a")?.metadata.uid).toBe("2");
});

test("a deleted one goes, and the map given stays as it is", () => {
  expect(applyEvents(known, [{ type: "DELETED", application: at("12") }]).size).toBe(0);
  expect(known.size).toBe(1);
});

test("versions are compared as numbers of any length", () => {
  expect(isOlder(at("9"), at("10"))).toBe(true);
  expect(isOlder(at("90071992547409931"), at("90071992547409932"))).toBe(true);
  expect(isOlder(at("10"), at("10"))).toBe(false);
});

test("what is told of the deletion of one does not take its successor of the same name", () => {
  const anew = new Map([["argocd/a", at("20", "2")]]);
  expect(applyEvents(anew, [{ type: "DELETED", application: at("12") }]).size).toBe(1);
});

test("a list takes away what it no longer has, but turns no clock back", () => {
  const before = new Map([
    ["argocd/a", at("10")],
    ["argocd/gone", anApplication({ name: "gone" })],
  ]);
  expect([...listedAnew(before, [at("9")]).values()].map(({ metadata }) => metadata.resourceVersion)).toEqual(["10"]);
  expect(listedAnew(before, [at("11")]).get("argocd/a")?.metadata.resourceVersion).toBe("11");
  expect(listedAnew(before, []).size).toBe(0);
});
