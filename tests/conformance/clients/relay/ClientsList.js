const { graphql } = require("relay-runtime");

graphql`
  query ClientsListQuery($count: Int!, $cursor: String) {
    viewer {
      name
    }
    ...ClientsList_query
    node(id: "Q2xpZW50OjUwMDYwOA") {
      ...ClientsList_client @alias(as: "client")
    }
  }
`;

graphql`
  fragment ClientsList_query on Query {
    clients(first: $count, after: $cursor) @connection(key: "ClientsList_clients") {
      edges {
        cursor
        node {
          ...ClientsList_client
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

graphql`
  fragment ClientsList_client on Client @refetchable(queryName: "ClientsListRefetchQuery") {
    id
    fullName
    tradingAccounts(first: 5) {
      edges {
        node {
          login
        }
      }
    }
  }
`;

graphql`
  mutation ClientsListDepositMutation($input: DepositInput!) {
    deposit(input: $input) {
      __typename
      ... on DepositConfirmed {
        instruction {
          id
        }
      }
      ... on MutationError {
        code
      }
    }
  }
`;
