// What outside OAuth clients make of a gateway. Reads {server, cases} from standard input, writes a result for each case.
//
// server: {issuer, port, ca}; the issuer's host is looked for at 127.0.0.1:port, and its certificate is verified.
// case: {library, method, clientId, secret?, jwk?, cert?, key?, dpop?, path}; the result: {tokenType, status} or {error}.
// With `dpop`, an algorithm, every request carries a proof of a key that is made for the case (RFC 9449).

import { readFileSync } from "node:fs";
import { request } from "node:https";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const IMPORTS = {
  EC: { name: "ECDSA", namedCurve: "P-256" },
  RSA: { name: "RSA-PSS", hash: "SHA-256" },
  OKP: { name: "Ed25519" },
};

async function privateKey(jwk) {
  const { kid, ...rest } = jwk;
  const key = await crypto.subtle.importKey("jwk", { ...rest, alg: undefined }, IMPORTS[jwk.kty], false, ["sign"]);
  return { key, kid };
}

// fetch() itself cannot show a client certificate without another package; node:https can.
function fetchFrom(server, { cert, key }) {
  return (url, options) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      const body = options.body === undefined || options.body === null ? undefined : String(options.body);
      const headers = { ...Object.fromEntries(new Headers(options.headers)), host: target.host };
      if (body !== undefined) headers["content-length"] = Buffer.byteLength(body);
      const where = { host: "127.0.0.1", port: server.port, servername: target.hostname, ca: server.ca, agent: false };
      const path = target.pathname + target.search;
      const sent = request({ ...where, cert, key, path, method: options.method, headers }, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () =>
          resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode, headers: answer.headers })),
        );
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

async function proof(library, { method, secret, jwk }) {
  switch (method) {
    case "client_secret_basic":
      return library.ClientSecretBasic(secret);
    case "client_secret_post":
      return library.ClientSecretPost(secret);
    case "private_key_jwt":
      return library.PrivateKeyJwt(await privateKey(jwk));
    default:
      return library.TlsClientAuth();
  }
}

// oauth4webapi learns a nonce from the answer that asks for it, and leaves it to its caller to ask again.
async function withNonce(send) {
  try {
    return await send();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return send();
  }
}

const JUDGES = {
  async oauth4webapi(server, one) {
    const issuer = new URL(server.issuer);
    const options = { [oauth.customFetch]: fetchFrom(server, one) };
    const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(issuer, found);
    const client = { client_id: one.clientId };
    const auth = await proof(oauth, one);
    if (one.dpop) options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair(one.dpop));
    const token = await withNonce(async () => {
      const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, new URLSearchParams(), options);
      return oauth.processClientCredentialsResponse(as, client, answer);
    });
    const url = new URL(one.path, issuer);
    const read = await withNonce(() =>
      oauth.protectedResourceRequest(token.access_token, "GET", url, undefined, undefined, options),
    );
    return { tokenType: token.token_type, status: read.status };
  },

  async "openid-client"(server, one) {
    const issuer = new URL(server.issuer);
    const options = { algorithm: "oauth2", [openid.customFetch]: fetchFrom(server, one) };
    const config = await openid.discovery(issuer, one.clientId, undefined, await proof(openid, one), options);
    const DPoP = one.dpop ? openid.getDPoPHandle(config, await openid.randomDPoPKeyPair(one.dpop)) : undefined;
    const token = await openid.clientCredentialsGrant(config, undefined, { DPoP });
    const url = new URL(one.path, issuer);
    const read = await openid.fetchProtectedResource(config, token.access_token, url, "GET", undefined, undefined, {
      DPoP,
    });
    return { tokenType: token.token_type, status: read.status };
  },
};

const { server, cases } = JSON.parse(readFileSync(0, "utf8"));
const results = [];
for (const one of cases) {
  try {
    results.push(await JUDGES[one.library](server, one));
  } catch (error) {
    results.push({ error: `${error.name}: ${error.message}`, cause: String(error.cause?.error ?? error.cause ?? "") });
  }
}
process.stdout.write(JSON.stringify(results));
