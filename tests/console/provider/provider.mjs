// An OpenID Connect provider for tests: node provider.mjs NODE_MODULES REDIRECT_URI; prints its issuer, then serves.
// Whoever signs in is who they say, by any password; names that begin with "op-" are in the group of operators.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [modules, redirect] = process.argv.slice(2);
const { default: Provider } = await import(createRequire(`${modules}/`).resolve("oidc-provider"));

const client = { redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] };

const server = createServer().listen(0, "127.0.0.1", () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: "console", client_secret: "s3cret: /?&", token_endpoint_auth_method: "client_secret_basic" },
      { ...client, client_id: "posting", client_secret: "s3cret", token_endpoint_auth_method: "client_secret_post" },
      { ...client, client_id: "public", token_endpoint_auth_method: "none" },
    ],
    cookies: { keys: ["not a secret"] },
    pkce: { required: () => true },
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, email: `${id}@plant.example`, groups: id.startsWith("op-") ? ["staff", "operator"] : ["staff"] }),
    }),
    features: { devInteractions: { enabled: true } },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
