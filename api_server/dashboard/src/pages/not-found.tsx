/** An address that leads nowhere. */

import { useEffect } from "react";
import { Link } from "../parts/controls";

export function NotFoundPage() {
  useEffect(() => {
    document.title = "Not found · Tiphys";
  }, []);
  return (
    <div className="empty" data-testid="not-found">
      <h1>No such page</h1>
      <p>The address leads nowhere.</p>
      <Link to="/applications">To the applications</Link>
    </div>
  );
}
