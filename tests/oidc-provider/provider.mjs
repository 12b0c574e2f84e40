// A real OpenID Connect provider on loopback: whoever types a name is that person.
//
// Arguments: `device` offers codes for other machines; a number is the life of an ID token in seconds.
// Prints its address, and ends with its standard input.

import Provider from "oidc-provider";

// Nobody reads its standard output after the address.
console.info = console.error;

const options = process.argv.slice(2);
const device = options.includes("device");
const life = Number(options.find((option) => /^\d+$/.test(option)) ?? 600);

const server = await listen();
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "guildhall-cli",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: [
        "authorization_code",
        "refresh_token",
        ...(device ? ["urn:ietf:params:oauth:grant-type:device_code"] : []),
      ],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/callback"],
    },
  ],
  features: {
    deviceFlow: { enabled: device },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
  },
  claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} of the provider`, email: `${id}@example.com` }),
  }),
  // A refresh token is good once: two programs that renew at once must not end the sign-in.
  rotateRefreshToken: true,
  ttl: { IdToken: life, AccessToken: 600, Interaction: 600, Session: 600, Grant: 3600, DeviceCode: 600 },
  cookies: { keys: ["a key of these tests"] },
});
server.on("request", provider.callback());
console.log(issuer);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

async function listen() {
  const { createServer } = await import("node:http");
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}
