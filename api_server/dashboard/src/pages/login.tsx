/** Login with name and password; the server's own words when it refuses. */

import { useEffect, useState, type FormEvent } from "react";
import { wordsOf } from "../api/http";
import { Button } from "../parts/controls";
import { Logo } from "../parts/icons";
import { ErrorNotice } from "../parts/notices";
import { login } from "../state/session";

export function LoginPage() {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Log in · Tiphys";
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      await login(username, password);
    } catch (refusal) {
      setError(wordsOf(refusal));
      setPassword("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <form className="login-card" onSubmit={(event) => void submit(event)} aria-label="Log in">
        <div className="login-brand">
          <Logo size={40} />
          <h1>Tiphys</h1>
          <p className="soft">Git says what should run.</p>
        </div>
        {error && <ErrorNotice title="Login refused" detail={error} />}
        <label className="field">
          <span>Username</span>
          <input
            className="input"
            data-testid="login-username"
            autoComplete="username"
            autoFocus
            required
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        </label>
        <label className="field">
          <span>Password</span>
          <input
            className="input"
            data-testid="login-password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <Button kind="primary" submit busy={busy} testId="login-submit">
          Log in
        </Button>
      </form>
    </main>
  );
}
