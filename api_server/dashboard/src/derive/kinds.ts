/** Short marks for kinds, as `kubectl api-resources` abbreviates them. */

const SHORT: Readonly<Record<string, string>> = {
  Application: "app",
  ConfigMap: "cm",
  CronJob: "cj",
  CustomResourceDefinition: "crd",
  DaemonSet: "ds",
  Deployment: "dep",
  EndpointSlice: "eps",
  Endpoints: "ep",
  HorizontalPodAutoscaler: "hpa",
  Ingress: "ing",
  Job: "job",
  LimitRange: "lim",
  Namespace: "ns",
  NetworkPolicy: "np",
  PersistentVolume: "pv",
  PersistentVolumeClaim: "pvc",
  Pod: "pod",
  PodDisruptionBudget: "pdb",
  ReplicaSet: "rs",
  ResourceQuota: "quo",
  RoleBinding: "rb",
  Secret: "sec",
  Service: "svc",
  ServiceAccount: "sa",
  StatefulSet: "sts",
  StorageClass: "sc",
};

/** Known kinds by their abbreviation, others by their capitals. */
export function kindMark(kind: string): string {
  const capitals = kind.replace(/[^A-Z]/g, "").toLowerCase();
  return SHORT[kind] ?? (capitals.length > 1 ? capitals.slice(0, 3) : kind.slice(0, 3).toLowerCase());
}

const GROUPS: readonly (readonly [family: string, kinds: readonly string[]])[] = [
  ["workload", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob", "Rollout"]],
  ["network", ["Service", "Ingress", "NetworkPolicy", "Endpoints", "EndpointSlice", "Gateway", "HTTPRoute"]],
  ["config", ["ConfigMap", "Secret", "SealedSecret", "ExternalSecret"]],
];

export function kindFamily(kind: string): string {
  return GROUPS.find(([, kinds]) => kinds.includes(kind))?.[0] ?? "other";
}
