/** What a pod asks for, as people read it; the tree tells it in thousandths of cores and bytes, as Argo CD does. */

const TITLES: Readonly<Record<string, string>> = { cpu: "CPU request", memory: "Memory request" };
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/** A row of facts about a resource: what Kubernetes counts gets its unit, the rest is as it came. */
export function factOf(name: string, value: string): { readonly name: string; readonly value: string } {
  const title = TITLES[name];
  const thousandths = Number(value);
  if (!title || value === "" || !Number.isFinite(thousandths)) return { name, value };
  return { name: title, value: name === "cpu" ? cores(thousandths) : bytes(thousandths / 1000) };
}

function cores(thousandths: number): string {
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}

function bytes(count: number): string {
  let [left, step] = [count, 0];
  while (left >= 1024 && step < BINARY.length - 1) [left, step] = [left / 1024, step + 1];
  return `${Math.round(left * 10) / 10}${BINARY[step] ?? ""}`;
}
