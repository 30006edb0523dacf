/** The keyboard shortcuts, on one page. */

import { Dialog } from "./overlay";

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["Ctrl", "K"], "Go to an application or page"],
  [["/"], "Search on this page"],
  [["↑", "↓"], "Move in the list or the tree"],
  [["Enter"], "Open what is marked"],
  [["S"], "Sync the application"],
  [["R"], "Refresh the application"],
  [["H"], "History and rollback"],
  [["G"], "Tree as graph or list"],
  [["Esc"], "Close a panel"],
  [["?"], "This page"],
];

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label="Keyboard shortcuts" title={<h2>Keyboard shortcuts</h2>} onClose={onClose}>
      <div className="pad">
        <dl className="keys">
          {KEYS.map(([keys, what]) => (
            <KeyRow key={what} keys={keys} what={what} />
          ))}
        </dl>
      </div>
    </Dialog>
  );
}

function KeyRow({ keys, what }: { keys: readonly string[]; what: string }) {
  return (
    <>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </>
  );
}
