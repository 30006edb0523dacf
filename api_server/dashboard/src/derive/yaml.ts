/** Kubernetes objects as YAML a person reads: plain scalars where safe, literal blocks for long text. */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const FIRST_KEYS = ["apiVersion", "kind", "metadata", "spec", "data", "stringData"];
const LAST_KEYS = ["status"];
// Words YAML 1.1 or 1.2 would read as something else than text.
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n|~)$/i;
// Numbers in any notation, sexagesimals ("1:30") and dates.
const NUMBER_LIKE =
  /^[-+]?(?:[\d_,]+\.?[\d_]*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|0x[\da-f_]+|0o?[0-7_]+|\.inf|\.nan|\d+(?::\d+)+|\d{4}-\d\d?-\d\d?.*)$/i;
const PLAIN_START = /^(?:[A-Za-z0-9_./$(]|--?[A-Za-z])/;
const NOT_PLAIN = /:(?:\s|$)|\s#|[\n\t]/;

export function toYaml(value: unknown): string {
  const lines: string[] = [];
  write(lines, value as Json, "", "");
  return lines.join("\n");
}

function orderedKeys(object: { [key: string]: Json }, top: boolean): string[] {
  const keys = Object.keys(object).sort();
  if (!top) return keys;
  const middle = keys.filter((key) => !FIRST_KEYS.includes(key) && !LAST_KEYS.includes(key));
  const present = (names: string[]) => names.filter((key) => keys.includes(key));
  return [...present(FIRST_KEYS), ...middle, ...present(LAST_KEYS)];
}

function write(lines: string[], value: Json, indent: string, lead: string): void {
  if (Array.isArray(value) && value.length > 0) return writeList(lines, value, indent, lead);
  if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0) {
    return writeMap(lines, value, indent, lead);
  }
  if (typeof value === "string" && isBlock(value)) return writeBlock(lines, value, indent, lead);
  lines.push(`${lead || indent}${scalar(value)}`);
}

function writeMap(lines: string[], map: { [key: string]: Json }, indent: string, lead: string): void {
  let start = lead || indent;
  for (const key of orderedKeys(map, indent === "" && lead === "")) {
    const value = map[key] ?? null;
    const label = `${start}${scalar(key)}:`;
    start = indent;
    if (isNested(value)) {
      lines.push(label);
      write(lines, value, Array.isArray(value) ? indent : `${indent}  `, "");
    } else {
      write(lines, value, `${indent}  `, `${label} `);
    }
  }
}

function writeList(lines: string[], list: Json[], indent: string, lead: string): void {
  let start = lead || indent;
  for (const item of list) {
    write(lines, item, `${indent}  `, `${start}- `);
    start = indent;
  }
}

function writeBlock(lines: string[], text: string, indent: string, lead: string): void {
  const keep = text.endsWith("\n\n") ? "+" : text.endsWith("\n") ? "" : "-";
  const body = text.replace(/\n$/, "").split("\n");
  lines.push(`${lead || indent}|${keep}`);
  for (const line of body) lines.push(line === "" ? "" : `${indent}${line}`);
}

const isNested = (value: Json): boolean => value !== null && typeof value === "object" && Object.keys(value).length > 0;

// A literal block cannot say that its first line begins with a space, nor carry tabs or returns safely.
const isBlock = (text: string): boolean =>
  text.includes("\n") && text.trim() !== "" && !/^[ \n]|[\t\r]/.test(text) && !/ \n/.test(text);

function scalar(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "[]";
  if (typeof value === "object") return "{}";
  if (typeof value !== "string") return String(value);
  return isPlain(value) ? value : JSON.stringify(value);
}

function isPlain(text: string): boolean {
  return (
    PLAIN_START.test(text) &&
    !NOT_PLAIN.test(text) &&
    !RESERVED.test(text) &&
    !NUMBER_LIKE.test(text) &&
    text === text.trim()
  );
}
