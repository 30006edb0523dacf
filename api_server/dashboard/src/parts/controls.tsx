/** Buttons, links, tabs, menus: small controls with the keyboard and screen readers in mind. */

import { useEffect, useId, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { hrefOf, navigate } from "../state/router";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  readonly children?: ReactNode;
  readonly icon?: IconName;
  readonly kind?: "plain" | "primary" | "danger" | "danger solid" | "quiet";
  readonly small?: boolean;
  readonly busy?: boolean;
  /** Why it cannot be pressed now; shown as its tooltip. It stays focusable, so that the reason can be read. */
  readonly refusal?: string;
  readonly label?: string;
  readonly title?: string;
  readonly testId?: string;
  readonly submit?: boolean;
  readonly autoFocus?: boolean;
  readonly expanded?: boolean;
  readonly onPress?: (event: MouseEvent<HTMLButtonElement>) => void;
  readonly onNear?: () => void;
}

export function Button({ children, icon, kind = "plain", small, busy, refusal = "", ...rest }: ButtonProps) {
  const off = busy || refusal !== "";
  const kinds = kind === "plain" ? "" : kind;
  return (
    <button
      type={rest.submit ? "submit" : "button"}
      className={`button ${kinds} ${small ? "small" : ""} ${children === undefined ? "icon-only" : ""}`}
      aria-disabled={off}
      aria-busy={busy}
      aria-label={rest.label}
      aria-expanded={rest.expanded}
      title={refusal || rest.title || rest.label}
      data-testid={rest.testId}
      autoFocus={rest.autoFocus}
      onPointerEnter={rest.onNear}
      onFocus={rest.onNear}
      onClick={(event) => {
        if (off) event.preventDefault();
        else rest.onPress?.(event);
      }}
    >
      {busy ? <Icon name="refresh" className="spin" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface LinkProps {
  readonly to: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly current?: boolean;
  readonly title?: string;
  readonly testId?: string;
  readonly tabIndex?: number;
}

/** A real link (it can be copied and opened in a tab) that does not load the page anew. */
export function Link({ to, children, className, current, title, testId, tabIndex }: LinkProps) {
  return (
    <a
      href={hrefOf(to)}
      className={className}
      aria-current={current ? "page" : undefined}
      title={title}
      data-testid={testId}
      tabIndex={tabIndex}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}

interface TabsProps<T extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly id: T; readonly title: ReactNode; readonly testId?: string }[];
  readonly chosen: T;
  readonly onChoose: (id: T) => void;
}

export function Tabs<T extends string>({ label, tabs, chosen, onChoose }: TabsProps<T>) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const index = tabs.findIndex(({ id }) => id === chosen);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    onChoose(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map(({ id, title, testId }) => (
        <button
          key={id}
          type="button"
          role="tab"
          data-tab={id}
          data-testid={testId}
          aria-selected={id === chosen}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly choices: readonly {
    readonly id: T;
    readonly title: string;
    readonly icon?: IconName;
    readonly testId?: string;
  }[];
  readonly chosen: T;
  readonly onChoose: (id: T) => void;
}

export function Segmented<T extends string>({ label, choices, chosen, onChoose }: SegmentedProps<T>) {
  return (
    <div className="segmented" role="group" aria-label={label}>
      {choices.map(({ id, title, icon, testId }) => (
        <button key={id} type="button" aria-pressed={id === chosen} data-testid={testId} onClick={() => onChoose(id)}>
          {icon && <Icon name={icon} size={14} />}
          {title}
        </button>
      ))}
    </div>
  );
}

interface CheckProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ReactNode;
  readonly hint?: ReactNode;
  readonly testId?: string;
}

export function Check({ checked, onChange, children, hint, testId }: CheckProps) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={checked}
        data-testid={testId}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>
        {children}
        {hint && <small>{hint}</small>}
      </span>
    </label>
  );
}

interface MenuItem {
  readonly title: string;
  readonly icon?: IconName;
  readonly chosen?: boolean;
  readonly testId?: string;
  readonly onPress: () => void;
}

interface MenuProps {
  readonly label: string;
  readonly trigger: ReactNode;
  readonly className?: string;
  readonly testId?: string;
  readonly header?: ReactNode;
  readonly groups: readonly (readonly MenuItem[])[];
  /** Opens from the start of its button, not from its end. */
  readonly start?: boolean;
}

/** A menu behind a button: arrows move, Escape and a press outside close it. */
export function Menu({ label, trigger, className = "button", testId, header, groups, start = false }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    root.current?.querySelector<HTMLElement>('[role^="menuitem"]')?.focus();
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      setOpen(false);
      root.current?.querySelector<HTMLElement>("button")?.focus();
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const items = [...(root.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
    const index = items.indexOf(document.activeElement as HTMLElement);
    items[(index + step + items.length) % items.length]?.focus();
  };
  return (
    <div className={`menu ${start ? "from-start" : ""}`} ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        className={className}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        aria-label={label}
        title={label}
        data-testid={testId}
        onClick={() => setOpen(!open)}
      >
        {trigger}
      </button>
      {open && (
        <div className="menu-list" role="menu" id={id} aria-label={label}>
          {header}
          {groups.map((items, index) => (
            <div key={index} className="menu-group" role="group">
              {items.map(({ title, icon, chosen, testId: itemId, onPress }) => (
                <button
                  key={title}
                  type="button"
                  role={chosen === undefined ? "menuitem" : "menuitemradio"}
                  aria-checked={chosen}
                  data-testid={itemId}
                  onClick={() => {
                    setOpen(false);
                    onPress();
                  }}
                >
                  {icon && <Icon name={icon} />}
                  <span className="grow">{title}</span>
                  {chosen && <Icon name="check" />}
                </button>
              ))}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

export function Bones({ rows = 6 }: { rows?: number }) {
  return (
    <div className="bones" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} style={{ width: `${92 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <Button
      kind="quiet"
      small
      icon={copied ? "check" : "copy"}
      label={copied ? "Copied" : label}
      onPress={() => {
        void navigator.clipboard?.writeText(text).then(() => setCopied(true));
        setTimeout(() => setCopied(false), 1500);
      }}
    />
  );
}
