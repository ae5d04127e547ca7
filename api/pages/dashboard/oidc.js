// Sign-in by an OpenID Connect issuer: the code flow with PKCE (RFC 7636), without a secret in the page.
import { signal } from "@preact/signals";
import { credential } from "./session.js";
import { settings } from "./settings.js";
import { t } from "./text.js";

const PENDING = "brokergraph:oidc";

/** Why the last sign-in failed; null if it did not. */
export const failure = signal(null);
/** Whether the browser has just come back from the issuer, and the code is being exchanged. */
export const isComing = signal(false);

/** Go to the issuer's sign-in page. What the way back needs waits in this tab. */
export async function leaveFor(issuer) {
  try {
    const { authorization_endpoint: address } = await discover(issuer);
    const pending = { issuer: issuer.issuer, state: random(), nonce: random(), verifier: random(), hash: location.hash };
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    const asked = new URL(address);
    const parameters = {
      response_type: "code",
      client_id: issuer.clientId,
      redirect_uri: redirectAddress(),
      scope: issuer.scope,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) asked.searchParams.set(name, value);
    location.assign(asked);
  } catch {
    failure.value = t("oidc.away");
  }
}

/** After the issuer's sign-in page: exchange the code for a token. Does nothing on an ordinary load. */
export async function comeBack() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return;
  isComing.value = true;
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  // A code works once. A reload must not send it again.
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", location.pathname + (pending?.hash ?? ""));
  dispatchEvent(new HashChangeEvent("hashchange"));
  try {
    credential.value = await tokenFor(answer, pending);
  } catch {
    failure.value = t("oidc.failed");
  }
  isComing.value = false;
}

async function tokenFor(answer, pending) {
  const issuer = settings.issuers.find((one) => one.issuer === pending?.issuer);
  // Another page could have sent the browser here, with a code of its own.
  if (!issuer || answer.get("state") !== pending.state || !answer.has("code")) throw new Error("not our sign-in");
  const { token_endpoint: address } = await discover(issuer);
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: issuer.clientId,
    redirect_uri: redirectAddress(),
    code: answer.get("code"),
    code_verifier: pending.verifier,
  });
  const tokens = await json(await fetch(address, { method: "POST", body }));
  if (tokens.id_token && claimsOf(tokens.id_token).nonce !== pending.nonce) throw new Error("not our token");
  // Some issuers report an error with status 200.
  if (!tokens.access_token) throw new Error("no token");
  return tokens.access_token;
}

async function discover({ issuer }) {
  const found = await json(await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`));
  if (found.issuer !== issuer) throw new Error("another issuer");
  return found;
}

async function json(response) {
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

const redirectAddress = () => `${location.origin}/`;

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The claims of a token. Its signature is the graph's to check. */
function claimsOf(token) {
  const [, claims] = token.split(".");
  return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
}
