/** One door to the API server: JSON in, JSON out, every failure an ApiError with the server's words. */

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }

  get unauthenticated(): boolean {
    return this.status === 401;
  }

  get forbidden(): boolean {
    return this.status === 403;
  }
}

/** Told whenever an answer says that the session is over. */
let onUnauthenticated: () => void = () => undefined;

export function whenUnauthenticated(listener: () => void): void {
  onUnauthenticated = listener;
}

export function apiUrl(path: string): string {
  return new URL(path.replace(/^\//, ""), document.baseURI).toString();
}

export type Query = Record<string, string | number | boolean | undefined>;

export function withQuery(path: string, query: Query): string {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  if (asked.length === 0) return path;
  return `${path}?${new URLSearchParams(asked.map(([key, value]) => [key, String(value)]))}`;
}

export async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const error = new ApiError(response.status, messageOf(text) || statusWords(response));
  if (error.unauthenticated) onUnauthenticated();
  return error;
}

/** The server's own words, wherever an answer of ours or of a proxy keeps them. */
export function messageOf(text: string): string {
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    for (const key of ["message", "error", "detail"]) {
      const words = body[key];
      if (typeof words === "string" && words) return words;
    }
    return "";
  } catch {
    return text.startsWith("<") ? "" : text.trim().slice(0, 400);
  }
}

function statusWords(response: Response): string {
  return `The server answered ${response.status} ${response.statusText}`.trim() + ".";
}

interface Asked {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  query?: Query;
  signal?: AbortSignal;
}

export async function request<T>(path: string, asked: Asked = {}): Promise<T> {
  const method = asked.method ?? "GET";
  const init: RequestInit = { method, credentials: "same-origin", headers: headersFor(method) };
  if (asked.body !== undefined) init.body = JSON.stringify(asked.body);
  if (asked.signal) init.signal = asked.signal;
  const response = await reached(apiUrl(withQuery(path, asked.query ?? {})), init);
  if (!response.ok) throw await refusal(response);
  const text = await response.text();
  return (text ? JSON.parse(text) : {}) as T;
}

function headersFor(method: string): Record<string, string> {
  const accept = { accept: "application/json" };
  return method === "GET" ? accept : { ...accept, "content-type": "application/json" };
}

async function reached(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached. Check the network, then try again.");
  }
}

/** What went wrong, in words for a person. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
