import { describe, expect, test } from "vitest";
import { toYaml } from "./yaml";

test("an object reads as kubectl writes it, kind and metadata first, status last", () => {
  const text = toYaml({
    status: { phase: "Running" },
    spec: { containers: [{ name: "api", image: "nginx:1.27", args: ["--port=80", "-v"] }], tolerations: [] },
    metadata: { name: "web", labels: { "app.kubernetes.io/name": "web" } },
    kind: "Pod",
    apiVersion: "v1",
  });
  expect(text).toBe(
    [
      "apiVersion: v1",
      "kind: Pod",
      "metadata:",
      "  labels:",
      "    app.kubernetes.io/name: web",
      "  name: web",
      "spec:",
      "  containers:",
      "  - args:",
      "    - --port=80",
      "    - -v",
      "    image: nginx:1.27",
      "    name: api",
      "  tolerations: []",
      "status:",
      "  phase: Running",
    ].join("\n"),
  );
});

describe("text that YAML would read as something else is quoted", () => {
  test.each([
    "true",
    "No",
    "null",
    "~",
    "",
    "8080",
    "-1",
    "1e3",
    "0x1f",
    "0644",
    "12:30",
    "2026-11-23",
    ".5",
    "a: b",
    "a #b",
    "- a",
    "&a",
    "*a",
    "@a",
    "a:",
    " a",
    "{}",
    "'",
    "!x",
    "%x",
    "`x",
    "?",
  ])("%j", (text) => {
    expect(toYaml({ a: text })).toBe(`a: ${JSON.stringify(text)}`);
  });
  test.each([
    "info",
    "512Mi",
    "100m",
    "1.8.2",
    "a:b",
    "a#b",
    "http://x/y?z=1",
    "nginx:1.27",
    "/healthz",
    "$(POD_IP)",
    "5c105f8",
    "--log=json",
  ])("%s is not", (text) => {
    expect(toYaml({ a: text })).toBe(`a: ${text}`);
  });
});

describe("long text", () => {
  test("is a literal block", () => {
    expect(toYaml({ data: { conf: "a: 1\nb:\n  - 2\n" } })).toBe("data:\n  conf: |\n    a: 1\n    b:\n      - 2");
  });
  test("without a last newline says so", () => {
    expect(toYaml({ conf: "a\nb" })).toBe("conf: |-\n  a\n  b");
  });
  test("with several last newlines says so", () => {
    expect(toYaml({ conf: "a\n\n" })).toBe("conf: |+\n  a\n");
  });
  test.each(["  indented\nfirst", "tab\there\n", "trailing \nspace", "\r\n"])(
    "that a block cannot hold is quoted: %j",
    (text) => {
      expect(toYaml({ conf: text })).toBe(`conf: ${JSON.stringify(text)}`);
    },
  );
});

test("lists of lists and empty maps", () => {
  expect(toYaml([[1, 2], {}, null, true])).toBe("- - 1\n  - 2\n- {}\n- null\n- true");
});
