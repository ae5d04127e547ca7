// Runs the calls that we use through CPlugin's own SDK and prints what it understood, as one JSON document.
// Arguments come on stdin, so that no credential stands in the process list.
import { readFileSync } from "node:fs";
import { ApiError, CPluginWebApiClient } from "@mywebapi.com/sdk";

const asked = JSON.parse(readFileSync(0, "utf8"));
const client = new CPluginWebApiClient({
  env: "custom",
  apiBaseUrl: asked.api,
  authority: asked.authority,
  allowInsecureLoopback: true,
  clientId: asked.clientId,
  clientSecret: asked.clientSecret,
});
const { mt4Platform: mt4, mt5Platform: mt5, login, mt5Login } = asked;
const key = { headers: { "Idempotency-Key": asked.key } };
const deposit = {
  tradeTransactionType: "BrBalance",
  tradeCommand: "Balance",
  orderBy: login,
  price: asked.amount,
  comment: asked.comment,
};

async function refusal(call) {
  try {
    return { answered: await call() };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { code: error.code, managerCode: error.managerCode ?? null, status: error.status };
  }
}

const created = await client.mt4.postUserRecordNew(
  mt4,
  { login: 0, group: asked.group, name: "Witness of JavaScript" },
  { headers: { "Idempotency-Key": `${asked.key}-account` } },
);
const report = {
  platforms: (await client.listTradePlatforms()).map((platform) => platform.id),
  // One login: version 0.2.1 of the SDK joins several with a comma, where the API's page wants the name repeated.
  records: await client.mt4.getUserRecordsRequest(mt4, { logins: [login] }),
  margin: await client.mt4.getMarginLevelRequestLogin(mt4, login),
  margins: await client.mt4.getMarginsGet(mt4),
  deposit: await client.mt4.postTradeTransaction(mt4, deposit, key),
  replay: await client.mt4.postTradeTransaction(mt4, deposit, key),
  created,
  passwordSet: await client.mt4.postUserPasswordSetLogin(mt4, created.login, "Wh1te!horse", {}),
  history: await client.mt4.getTradesUserHistoryLogin(mt4, login, {}),
  mt5User: await client.mt5.getUserGetLogin(mt5, mt5Login),
  unknownLogin: await refusal(() => client.mt4.getUserRecordGetLogin(mt4, 1)),
  withoutCommand: await refusal(() => client.mt4.postTradeTransaction(mt4, { ...deposit, tradeCommand: "" })),
  foreignPlatform: await refusal(() => client.mt4.getMarginsGet("11111111-2222-3333-4444-555555555555")),
};
process.stdout.write(JSON.stringify(report));
