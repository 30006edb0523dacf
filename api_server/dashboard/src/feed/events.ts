/** What a topic's event carries. */

export function eventIn<T>(data: string): T {
  return (JSON.parse(data) as { result: T }).result;
}
