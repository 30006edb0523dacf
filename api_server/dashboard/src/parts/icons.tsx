/** The icons of the dashboard: one path each, drawn on a 16 by 16 grid. */

import type { ReactNode } from "react";

const SHAPES = {
  sync: <path d="M13.5 6.5A5.7 5.7 0 0 0 3.3 4.7M2.5 9.5a5.7 5.7 0 0 0 10.2 1.8M3 2v3h3M13 14v-3h-3" />,
  refresh: <path d="M13.5 8a5.5 5.5 0 1 1-1.6-3.9L13.5 5.7M13.5 2.5v3.2h-3.2" />,
  history: <path d="M2.7 6.5A5.6 5.6 0 1 1 2.5 9M2.5 3v3.5H6M8 5v3.3l2.2 1.3" />,
  trash: <path d="M2.8 4.3h10.4M6.3 4.3V2.8h3.4v1.5M4.2 4.3l.6 9h6.4l.6-9M6.7 7v4M9.3 7v4" />,
  stop: <rect x="4" y="4" width="8" height="8" rx="1" />,
  search: <path d="M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  chevron: <path d="m6 4 4 4-4 4" />,
  down: <path d="m4 6 4 4 4-4" />,
  graph: <path d="M2 6h4v4H2zM10 2.5h4v3.5h-4zM10 10h4v3.5h-4zM6 8h2M8 4.3v7.5M8 4.3h2M8 11.8h2" />,
  list: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" />,
  plus: <path d="M8 3.5v9M3.5 8h9" />,
  minus: <path d="M3.5 8h9" />,
  fit: <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />,
  user: <path d="M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8ZM2.8 13.5c.5-2.4 2.6-3.7 5.2-3.7s4.7 1.3 5.2 3.7" />,
  warn: <path d="M8 2.3 14.2 13H1.8L8 2.3ZM8 6.5v3M8 11.3h.01" />,
  info: <path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.7M8 5h.01" />,
  check: <path d="m3.5 8.5 3 3 6-7" />,
  unplugged: (
    <path d="m2 2 12 12M3 6.7A8.5 8.5 0 0 1 5.4 5M13 6.7a8.5 8.5 0 0 0-4.3-2.3M5.3 9.3A5 5 0 0 1 7 8.3M8 12h.01" />
  ),
  commit: <path d="M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 8h4M10.5 8h4" />,
  clock: <path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.7V8l2.3 1.5" />,
  undo: <path d="M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.8 3.5l-3 3 3 3" />,
  copy: <path d="M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5" />,
  external: <path d="M9 2.5h4.5V7M13.5 2.5 7.5 8.5M11.5 9.5v4h-9v-9h4" />,
  sun: (
    <path d="M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />
  ),
  moon: <path d="M13.3 9.6A5.7 5.7 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9Z" />,
  screen: <path d="M2 3h12v8H2zM6 13.5h4M8 11v2.5" />,
  logout: <path d="M6.5 2.5H3v11h3.5M10 5l3 3-3 3M13 8H6.5" />,
  keyboard: <path d="M1.5 4.5h13v7.5h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.7h6" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, className = "", size = 16 }: { name: IconName; className?: string; size?: number }) {
  return (
    <svg
      className={`icon ${className}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {SHAPES[name]}
    </svg>
  );
}

/** The wheel of the helmsman. */
export function Logo({ size = 22 }: { size?: number }) {
  const spokes = Array.from({ length: 8 }, (_, index) => index * 45);
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <circle cx="16" cy="16" r="8.5" />
      <circle cx="16" cy="16" r="2.6" fill="currentColor" stroke="none" />
      {spokes.map((angle) => (
        <path key={angle} d="M16 13.2V3" transform={`rotate(${angle} 16 16)`} />
      ))}
    </svg>
  );
}
