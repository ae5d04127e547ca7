// The four tabs that a newcomer finds. tests/browser runs each of them and reads the answers.

const dashboard = `# One question, four systems: Ctrl-Enter asks it.
# Hover over a name to learn what it means.
query Dashboard {
  client(by: { clientNumber: 500608 }) {
    fullName
    webStatus { code canTransact }
    totalFloatingBalance { amount currency }

    # The ERP's own API, at this moment.
    live { totalFloatingBalance { amount } }

    # Live figures from two vendors' servers.
    tradingAccounts(first: 10) {
      nodes {
        login
        server { name platform system }
        live { balance leverage group }
      }
    }

    # The ERP's database, every currency.
    balances {
      currency
      balance
      cash
      value { amount currency }
    }
  }
}
`;

const clients = `# A page of clients. For the next one, put
# endCursor into "after": cursors stay good
# while clients come and go.
query Clients($first: Int!, $after: String) {
  clients(
    first: $first
    after: $after
    filter: { erpStatus: [APPROVED, REAL] }
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      clientNumber
      fullName
      erpStatus { code }
      totalFloatingBalance { amount currency }
      tradingAccounts(first: 4) {
        nodes {
          login
          server { name }
          live { balance currency }
        }
      }
    }
  }
}
`;

const accounts = `# The largest accounts in dollars, of all
# clients. Amounts compare only within one
# currency. Nulls are last.
query Largest($after: String) {
  tradingAccounts(
    first: 10
    after: $after
    filter: { currencies: [USD] }
    orderBy: { field: BALANCE, direction: DESC }
  ) {
    pageInfo { hasNextPage endCursor }
    nodes {
      login
      server { name }
      balance
      client { clientNumber fullName }
    }
  }
}
`;

const deposit = `# Money, sent twice with one key: the replay
# gets the first answer, and books nothing.
# For another deposit change idempotencyKey.
mutation Deposit($input: DepositInput!) {
  deposit(input: $input) { ...Outcome }
  replay: deposit(input: $input) { ...Outcome }
}

fragment Outcome on DepositPayload {
  __typename
  ... on DepositConfirmed {
    instruction {
      id
      status
      upstreamReference
      createdAt
    }
    account {
      login
      live { balance currency }
    }
  }
  ... on InstructionPending {
    instruction { id status }
  }
  ... on MutationError { code message retry }
}
`;

/** The tabs; `unique` makes the deposit's key one that was never used. */
export function examples(unique) {
  const order = {
    account: { account: { server: "R1", login: "61436" } },
    amount: "25.50",
    currency: "USD",
    idempotencyKey: `graphiql-${unique}`,
  };
  return [
    { query: dashboard },
    { query: clients, variables: JSON.stringify({ first: 10, after: null }, null, 2) },
    { query: accounts, variables: JSON.stringify({ after: null }, null, 2) },
    { query: deposit, variables: JSON.stringify({ input: order }, null, 2) },
  ];
}
