/** Which page an address shows, and who may see it. */

import { useEffect } from "react";
import { ErrorNotice, Toasts } from "./parts/notices";
import { Button } from "./parts/controls";
import { Shell } from "./parts/shell";
import { ApplicationPage } from "./pages/application";
import { ApplicationsPage } from "./pages/applications";
import { ClustersPage } from "./pages/clusters";
import { LoginPage } from "./pages/login";
import { NotFoundPage } from "./pages/not-found";
import { ProjectsPage } from "./pages/projects";
import { RepositoriesPage } from "./pages/repositories";
import { navigate, useAddress } from "./state/router";
import { askSession, followSession, useSession } from "./state/session";

export function App() {
  const session = useSession();
  useEffect(followSession, []);
  return (
    <>
      {session.kind === "asking" && <div className="splash" role="status" aria-label="Loading" />}
      {session.kind === "anonymous" && <LoginPage />}
      {session.kind === "unreachable" && <Unreachable reason={session.reason} />}
      {session.kind === "user" && (
        <Shell key={session.username}>
          <Page />
        </Shell>
      )}
      <Toasts />
    </>
  );
}

function Page() {
  const { segments, path } = useAddress();
  const [place, first, second, ...more] = segments;
  useEffect(() => {
    // After a login, or at the bare address, the list is the page to see.
    if (path === "/" || path === "/login") navigate("/applications", { replace: true });
  }, [path]);
  if (place === "applications" && first && more.length === 0) {
    const [namespace, name] = second ? [first, second] : [undefined, first];
    return <ApplicationPage key={`${namespace}/${name}`} namespace={namespace} name={name} />;
  }
  if (segments.length > 1) return <NotFoundPage />;
  if (place === undefined || place === "login" || place === "applications") return <ApplicationsPage />;
  if (place === "clusters") return <ClustersPage />;
  if (place === "projects") return <ProjectsPage />;
  if (place === "repositories") return <RepositoriesPage />;
  return <NotFoundPage />;
}

function Unreachable({ reason }: { reason: string }) {
  useEffect(() => {
    const timer = setInterval(() => void askSession(), 3000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className="lone">
      <ErrorNotice title="The server does not answer." detail={reason} />
      <Button onPress={() => void askSession()}>Try again</Button>
    </div>
  );
}
