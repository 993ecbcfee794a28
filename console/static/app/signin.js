// The only thing that is shown to whoever hasn't signed in.
import { html, useState } from "./ui.js";
import { post } from "./api.js";

export function SignIn({ possible, done }) {
  const [fault, setFault] = useState("");
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
    ${possible ? html`<label>Name<input name="name" autocomplete="username" autocapitalize="none" required autofocus maxlength="64" /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required maxlength="1000" /></label>
      <button class="primary" disabled=${busy}>${busy ? "One moment …" : "Sign in"}</button>` : html`<p>You come here through your plant's sign-in page: this address alone lets nobody in.</p>`}
    <p class="fault" role="alert">${fault}</p></form></main>`;
}
