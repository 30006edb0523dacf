import { expect, test } from "vitest";
import { factOf } from "./amounts";

test("what a pod asks for is told with its unit", () => {
  expect(factOf("cpu", "50")).toEqual({ name: "CPU request", value: "50m" });
  expect(factOf("cpu", "2000")).toEqual({ name: "CPU request", value: "2" });
  expect(factOf("memory", "67108864000")).toEqual({ name: "Memory request", value: "64Mi" });
  expect(factOf("memory", "1610612736000")).toEqual({ name: "Memory request", value: "1.5Gi" });
});

test("other facts, and numbers that are none, stay as they came", () => {
  expect(factOf("Containers", "1/1")).toEqual({ name: "Containers", value: "1/1" });
  expect(factOf("memory", "much")).toEqual({ name: "memory", value: "much" });
});
