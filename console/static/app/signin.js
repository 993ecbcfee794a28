// The only thing that is shown to whoever hasn't signed in.
import { html, useEffect, useState } from "./ui.js";
import { post } from "./api.js";
import { go } from "./go.js";

// Why somebody came back from the provider without being signed in. The exact cause is in the console's log.
const WHY = {
  unreachable: "The sign-in service doesn't answer. Try again in a moment.",
  refused: "The sign-in service has refused.",
  expired: "That took too long, or began in another window. Try again.",
  invalid: "The sign-in service said something that can't be trusted. Tell who looks after this console.",
  nameless: "The sign-in service doesn't say your name. Tell who looks after this console.",
};

export function SignIn({ possible, provider, done }) {
  const [fault, setFault] = useState(WHY[new URLSearchParams(location.search).get("signin")] ?? "");
  useEffect(() => { if (location.search.includes("signin=")) go(location.pathname, { replace: true }); }, []);
  const toProvider = `/api/oidc/login?${new URLSearchParams({ then: location.search.includes("signin=") ? "/" : location.pathname + location.search })}`;
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    setBusy(true);
    setFault("");
    try {
      await post("/api/login", { name: form.get("name"), password: form.get("password") });
      await done();
    } catch (error) {
      setFault(error.message);
      setBusy(false);
    }
  };
  return html`<main class="sign-in"><form onSubmit=${submit}><img src="/static/icon.svg" alt="" width="44" height="44" /><h1>andon</h1>
    ${provider && html`<a class="button primary" href=${toProvider} target="_self">Sign in at ${provider}</a>`}
    ${possible && html`<label>Name<input name="name" autocomplete="username" autocapitalize="none" required autofocus=${!provider} maxlength="64" /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required maxlength="1000" /></label>
      <button class=${provider ? "" : "primary"} disabled=${busy}>${busy ? "One moment …" : "Sign in"}</button>`}
    ${!provider && !possible && html`<p>You come here through your plant's sign-in page: this address alone lets nobody in.</p>`}
    <p class="fault" role="alert">${fault}</p></form></main>`;
}
