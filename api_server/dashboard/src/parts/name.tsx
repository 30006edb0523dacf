/** A name that, where there is too little room, loses its middle: what tells siblings apart stands at the end. */

const TAIL = 8;

export function Name({ text }: { text: string }) {
  if (text.length <= TAIL + 4) return <span className="middle">{text}</span>;
  return (
    <span className="middle">
      <span className="cut">{text.slice(0, -TAIL)}</span>
      <span>{text.slice(-TAIL)}</span>
    </span>
  );
}
