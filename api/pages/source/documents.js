// The documents of the examples. tests/browser runs each of them and reads the answers.

export const dashboard = `# One question, four systems: Ctrl-Enter asks it.
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

export const clients = `# A page of clients. For the next one, put
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

export const accounts = `# The largest accounts in dollars, of all
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

export const sums = `# Counts and exact sums over all clients and
# accounts of a filter. Null sums: one figure is
# unknown, because a sum is never partial.
query Sums($clients: ClientFilter, $accounts: TradingAccountFilter) {
  clientSummary(filter: $clients) {
    asOf
    count
    byErpStatus { code count }
    balances { currency clients balance value { amount currency } }
    totalFloatingBalance { amount currency }
  }
  accountSummary(filter: $accounts) {
    count
    byServer { server platform currency accounts balance equity }
  }
}
`;

export const trades = `# What is open on the trading server, what was
# closed in a year, and the days of a month.
query Trades($account: TradingAccountBy!, $year: DateTime!, $month: DateTime!, $end: DateTime!) {
  tradingAccount(by: $account) {
    server { name platform hasOpenPositions }
    openPositions {
      ticket symbol side volume
      openPrice currentPrice profit swap commission
      openedAt
    }
    closedTrades(from: $year, to: $end, first: 20) {
      pageInfo { hasNextPage endCursor }
      nodes {
        ticket symbol side volume
        openPrice closePrice profit swap commission
        openedAt closedAt
      }
    }
    dailyReports(from: $month, to: $end) {
      day balance equity deposits profitClosed
    }
  }
}
`;

export const deposit = `# Money, sent twice with one key: the replay
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

export const withdrawal = `# In the demo more than 1000 USD waits for
# another person: the answer is InstructionPending.
# Its id is for the tab Approval.
mutation Withdrawal($input: WithdrawInput!) {
  withdraw(input: $input) {
    __typename
    ... on WithdrawalConfirmed {
      instruction { id status upstreamReference }
      account { login live { balance currency } }
    }
    ... on InstructionPending {
      instruction { id status }
    }
    ... on MutationError { code message retry }
  }
}
`;

export const approval = `# The caller of a withdrawal cannot approve it: put
# demo-approver into "API key" above, and the id
# from the tab Withdrawal into the variables.
# declineInstruction takes the same input.
mutation Approval($input: DecideInstructionInput!) {
  approveInstruction(input: $input) {
    __typename
    ... on InstructionDecided {
      instruction {
        id
        status
        upstreamReference
        events { status actor }
      }
    }
    ... on InstructionPending {
      instruction { id status }
    }
    ... on MutationError { code message retry }
  }
}
`;

export const events = `# Every event of every instruction, from now on.
# Run it, and run the tab Deposit in another window.
# Put the last cursor into "after" to continue there.
subscription Events($after: String) {
  instructionEvents(after: $after) {
    cursor
    event { at status actor note }
    instruction {
      id
      kind
      amount { amount currency }
      account { login }
    }
  }
}
`;

export const outcome = `# An instruction until its outcome is final. Take the
# id from the tab Withdrawal, run this, and run the tab
# Approval in another window.
subscription Outcome($id: ID!) {
  instructionUpdated(id: $id) {
    id
    kind
    status
    upstreamReference
    events { at status actor }
  }
}
`;

export const figures = `# Live figures of accounts now, and again after
# each change. All callers share one poll of a server.
subscription Figures($ids: [ID!]!) {
  tradingAccountsChanged(ids: $ids, everySeconds: 2) {
    observedAt
    account {
      login
      server { name }
      live { balance equity margin currency }
    }
  }
}
`;

export const balances = `# The balances of clients now, and again after
# each change. "changed" names the currencies.
subscription Balances($numbers: [Int!]!) {
  clientBalancesChanged(clientNumbers: $numbers) {
    observedAt
    changed
    client {
      fullName
      balances { currency balance cash }
    }
  }
}
`;

export const account = `# A trading account for a client who has none.
# Null for "server" lets the ERP choose.
mutation NewAccount($input: CreateTradingAccountInput!) {
  createTradingAccount(input: $input) {
    __typename
    ... on TradingAccountCreated {
      server
      login
      instruction { id status }
    }
    ... on TradingAccountAlreadyExists { server login }
    ... on InstructionPending {
      instruction { id status }
    }
    ... on MutationError { code message retry }
  }
}
`;

export const request = `# A request to open an account, which people
# decide in the CRM.
mutation Request($input: OpenAccountRequestInput!) {
  openAccountRequest(input: $input) {
    __typename
    ... on OpenAccountRequested {
      instruction { id status upstreamReference }
    }
    ... on InstructionPending {
      instruction { id status }
    }
    ... on MutationError { code message retry }
  }
}
`;

export const instructions = `# What became of commands, newest first.
# For those that wait for people, put
# { "statuses": ["NEEDS_APPROVAL", "NEEDS_REVIEW"] }
# into "filter".
query Instructions($first: Int!, $after: String, $filter: InstructionFilter) {
  instructions(first: $first, after: $after, filter: $filter) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      kind
      status
      amount { amount currency }
      account { login server { name } }
      client { clientNumber }
      events { at status actor note }
    }
  }
}
`;

export const health = `# The systems behind the graph, as this server
# has found them in recent calls.
query Health {
  upstreams { system name state p95Seconds lastError since }
  tradingServers { name platform system }
}
`;

export const people = `# Clients without any figure: this key has the
# scope client:read, and no other.
query People($first: Int!, $search: String) {
  clients(first: $first, filter: { search: $search }) {
    nodes {
      clientNumber
      fullName
      webStatus { code }
      tradingAccounts(first: 4) {
        nodes { login server { name } }
      }
    }
  }
}
`;

export const refused = `# What a key may not see is null, with an error
# that names the missing scope. The rest answers.
query Refused {
  client(by: { clientNumber: 500608 }) {
    fullName
    balances { currency balance }
  }
}
`;
