/** The icons of the dashboard: one path each, drawn on a 16 by 16 grid. */

import type { ReactNode } from "react";

const SHAPES = {
  sync: <path d="M13.5 6.500A5.7 5.7 0 0 0 3.3 4.700M2.5 9.500a5.7 5.7 0 0 0 10.2 1.800M3 2v3h3M13 14v-3h-3" />,
  refresh: <path d="M13.5 8a5.5 5.5 0 1 1-1.6-3.900L13.5 5.700M13.5 2.500v3.200h-3.2" />,
  history: <path d="M2.7 6.500A5.6 5.6 0 1 1 2.5 9M2.5 3v3.500H6M8 5v3.300l2.2 1.3" />,
  trash: <path d="M2.8 4.300h10.400M6.3 4.300V2.800h3.400v1.500M4.2 4.300l.6 9h6.400l.6-9M6.7 7v4M9.3 7v4" />,
  stop: <rect x="4" y="4" width="8" height="8" rx="1" />,
  search: <path d="M7 11.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  chevron: <path d="m6 4 4 4-4 4" />,
  down: <path d="m4 6 4 4 4-4" />,
  graph: <path d="M2 6h4v4H2zM10 2.500h4v3.500h-4zM10 10h4v3.500h-4zM6 8h2M8 4.300v7.500M8 4.300h2M8 11.800h2" />,
  list: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" />,
  plus: <path d="M8 3.500v9M3.5 8h9" />,
  minus: <path d="M3.5 8h9" />,
  fit: <path d="M2.5 6V2.500H6M10 2.500h3.500V6M13.5 10v3.500H10M6 13.500H2.500V10" />,
  user: <path d="M8 8a2.7 2.7 0 1 0 0-5.400A2.7 2.7 0 0 0 8 8ZM2.8 13.500c.5-2.4 2.6-3.7 5.2-3.700s4.7 1.3 5.2 3.7" />,
  warn: <path d="M8 2.3 14.2 13H1.800L8 2.300ZM8 6.500v3M8 11.300h.01" />,
  info: <path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.300v3.700M8 5h.01" />,
  check: <path d="m3.5 8.5 3 3 6-7" />,
  unplugged: <path d="m2 2 12 12M3 6.700A8.5 8.5 0 0 1 5.4 5M13 6.700a8.5 8.5 0 0 0-4.3-2.300M5.3 9.300A5 5 0 0 1 7 8.300M8 12h.01" />,
  commit: <path d="M8 10.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 8h4M10.5 8h4" />,
  clock: <path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.700V8l2.3 1.5" />,
  undo: <path d="M3 6.500h6.500a3.5 3.5 0 0 1 0 7H6M5.8 3.500l-3 3 3 3" />,
  copy: <path d="M5.5 5.500h7.500v8H5.500zM3 10.500v-8h7.5" />,
  external: <path d="M9 2.500h4.500V7M13.5 2.5 7.5 8.500M11.5 9.500v4h-9v-9h4" />,
  sun: <path d="M8 10.800a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600ZM8 1.500v1.300M8 13.200v1.300M1.5 8h1.300M13.2 8h1.300M3.4 3.400l.9.9M11.7 11.700l.9.9M12.6 3.400l-.9.9M4.3 11.700l-.9.9" />,
  moon: <path d="M13.3 9.600A5.7 5.7 0 0 1 6.4 2.700a5.7 5.7 0 1 0 6.9 6.900Z" />,
  screen: <path d="M2 3h12v8H2zM6 13.500h4M8 11v2.5" />,
  logout: <path d="M6.5 2.500H3v11h3.500M10 5l3 3-3 3M13 8H6.5" />,
  keyboard: <path d="M1.5 4.500h13v7.500h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.700h6" />,
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
    <svg className="icon" width={size} height={size} viewBox="0 0 32 32" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" aria-hidden="true">
      <circle cx="16" cy="16" r="8.5" />
      <circle cx="16" cy="16" r="2.6" fill="currentColor" stroke="none" />
      {spokes.map((angle) => (
        <path key={angle} d="M16 13.200V3" transform={`rotate(${angle} 16 16)`} />
      ))}
    </svg>
  );
}
