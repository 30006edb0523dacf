/** What lies over a page: drawers from the right and dialogs in the middle. */

import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { useNarrow } from "../state/narrow";
import { Button } from "./controls";

interface OverlayProps {
  readonly title: ReactNode;
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
  readonly testId?: string;
  readonly wide?: boolean;
  /** A drawer beside the page leaves the page usable; any other holds the focus. */
  readonly beside?: boolean;
}

const FOCUSABLE =
  'a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex]:not([tabindex="-1"])';

function useFocus(beside: boolean) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const wanted = box.current?.querySelector<HTMLElement>("[autofocus], [data-autofocus]");
    if (!beside) (wanted ?? box.current)?.focus();
    return () => {
      if (box.current?.contains(document.activeElement) || document.activeElement === document.body) before?.focus();
    };
  }, [beside]);
  return box;
}

function keepInside(event: KeyboardEvent, box: HTMLElement | null): void {
  const inside = [...(box?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].filter((one) => one.offsetParent);
  const [first, last] = [inside[0], inside.at(-1)];
  const leaving = event.shiftKey
    ? document.activeElement === first || document.activeElement === box
    : document.activeElement === last;
  if (!leaving) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}

function Frame({ shape, ...props }: OverlayProps & { shape: "drawer" | "dialog" }) {
  const { title, label, onClose, children, footer, testId, wide } = props;
  // Where there is no room beside the page, it lies over it.
  const narrow = useNarrow();
  const beside = (props.beside ?? false) && !narrow;
  const box = useFocus(beside);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
    if (event.key === "Tab" && !beside) keepInside(event, box.current);
  };
  return (
    <>
      {!beside && <div className="veil" onPointerDown={onClose} />}
      <div
        ref={box}
        className={`${shape} ${wide ? "wide" : ""} ${beside ? "beside" : ""}`}
        role={beside ? "complementary" : "dialog"}
        aria-modal={beside ? undefined : true}
        aria-label={label}
        tabIndex={-1}
        data-testid={testId}
        onKeyDown={onKeyDown}
      >
        <header>
          <div className="grow">{title}</div>
          <Button kind="quiet" small icon="close" label="Close" onPress={onClose} />
        </header>
        <div className="overlay-body">{children}</div>
        {footer && <footer>{footer}</footer>}
      </div>
    </>
  );
}

export const Drawer = (props: OverlayProps) => <Frame shape="drawer" {...props} />;
export const Dialog = (props: OverlayProps) => <Frame shape="dialog" {...props} />;
