/** Values for the tests of this folder. */

import type { Application } from "../api/types";

export const OLD = "a".repeat(40);
export const NEW = "b".repeat(40);

interface Change {
  readonly name?: string;
  readonly spec?: Partial<Application["spec"]>;
  readonly status?: Application["status"];
  readonly metadata?: Partial<Application["metadata"]>;
  readonly operation?: Application["operation"];
}

/** A healthy application of prod, synced at OLD, changed as the test says. */
export function anApplication({
  name = "around-api-prod",
  spec,
  status,
  metadata,
  operation,
}: Change = {}): Application {
  return {
    metadata: { name, namespace: "argocd", uid: `uid-${name}`, resourceVersion: "10", ...metadata },
    spec: {
      project: "prod",
      source: {
        repoURL: "https://git.example.com/team/deploy.git",
        path: "services/around-api",
        targetRevision: "main",
      },
      destination: { name: "prod", namespace: "around" },
      syncPolicy: { automated: { enabled: false, selfHeal: true, prune: false } },
      ...spec,
    },
    status: {
      sync: { status: "Synced", revision: OLD },
      health: { status: "Healthy" },
      resources: [],
      history: [{ id: 0, revision: OLD, deployedAt: "2026-11-01T00:00:00Z" }],
      ...status,
    },
    ...(operation ? { operation } : {}),
  };
}
