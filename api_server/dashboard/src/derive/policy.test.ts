import { describe, expect, test } from "vitest";
import type { Automated } from "../api/types";
import { anApplication } from "./fixtures";
import { policySentence, policyWords, prunesByPolicy, syncsNewCommits } from "./policy";

const under = (automated: Automated | null) => anApplication({ spec: { syncPolicy: { automated } } });

describe("a policy in words", () => {
  test.each<[string, Automated | null, string]>([
    ["dev", { prune: true, selfHeal: true }, "Automatic, prunes, heals drift"],
    ["stage", { selfHeal: true }, "Automatic, keeps what Git removed, heals drift"],
    ["no healing", { prune: true }, "Automatic, prunes, leaves drift alone"],
    [
      "prod",
      { enabled: false, selfHeal: true, prune: false },
      "Manual for new commits, heals drift to the last synced revision, keeps what Git removed",
    ],
    ["disabled", { enabled: false }, "Manual for new commits, leaves drift alone, keeps what Git removed"],
    ["none", null, "Manual, syncs only when someone asks"],
  ])("%s", (_name, automated, words) => {
    expect(policySentence(under(automated))).toBe(words);
  });

  test("an application without any policy is manual", () => {
    expect(policyWords(anApplication({ spec: { syncPolicy: null } })).short).toBe("Manual");
  });
});

test("only automated policies that are not switched off sync new commits", () => {
  expect(syncsNewCommits(under({}))).toBe(true);
  expect(syncsNewCommits(under({ enabled: true }))).toBe(true);
  expect(syncsNewCommits(under({ enabled: false }))).toBe(false);
  expect(syncsNewCommits(under(null))).toBe(false);
});

test("prune is ticked only if the policy prunes", () => {
  expect(prunesByPolicy(under({ prune: true }))).toBe(true);
  expect(prunesByPolicy(under({}))).toBe(false);
  expect(prunesByPolicy(under(null))).toBe(false);
});
