import { expect, test } from "vitest";
import { anApplication } from "./fixtures";
import { parametersOf } from "./parameters";

const shown = (source: object) =>
  parametersOf(
    anApplication({ spec: { source: { repoURL: "r", path: "p", targetRevision: "main", ...source } } }),
  ).flatMap(({ rows }) => rows.map(({ name, value }) => `${name} = ${value}`));

test("what says where the source is is no parameter", () => {
  expect(shown({})).toEqual([]);
});

test("Helm's values are shown by their own names, files by their order", () => {
  expect(
    shown({
      helm: {
        releaseName: "web",
        valueFiles: ["a.yaml", "b.yaml"],
        parameters: [{ name: "image.tag", value: "1.2", forceString: true }],
        valuesObject: { replicas: 3, resources: { cpu: "1" } },
      },
    }),
  ).toEqual([
    "helm.releaseName = web",
    "helm.valueFiles[0] = a.yaml",
    "helm.valueFiles[1] = b.yaml",
    "helm.parameters.image.tag = 1.2",
    "helm.parameters.image.tag.forceString = true",
    "helm.valuesObject.replicas = 3",
    "helm.valuesObject.resources.cpu = 1",
  ]);
});

test("kustomize, directories and odd values are shown as well", () => {
  expect(
    shown({ kustomize: { images: ["nginx:1"], namePrefix: "" }, directory: { recurse: true, jsonnet: null } }),
  ).toEqual(["kustomize.images[0] = nginx:1", "directory.recurse = true"]);
});

test("a whole values file is known to be long", () => {
  const [source] = parametersOf(anApplication({ spec: { source: { helm: { values: "a: 1\nb: 2\n" } } } }));
  expect(source?.rows).toEqual([{ name: "helm.values", value: "a: 1\nb: 2\n", long: true }]);
});

test("each source of several has its own", () => {
  const sources = [
    { repoURL: "r", chart: "c" },
    { repoURL: "s", ref: "values" },
  ];
  expect(parametersOf(anApplication({ spec: { sources } })).map(({ title }) => title)).toEqual(["r c", "s $values"]);
});
