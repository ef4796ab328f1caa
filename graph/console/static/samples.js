// Operations to begin with. The first is shown when the page is opened anew.
export const samples = [
  {
    name: 'Balances of the parties',
    query: `# Every party with what stands on its accounts.
query Balances {
  parties(first: 20) {
    nodes {
      partyId
      kind
      balances { book account currency amount side }
    }
    pageInfo { hasNextPage endCursor }
  }
}`,
  },
  {
    name: 'Newest settlement, explained',
    query: `# The newest transactions, with postings, the rules that led to them,
# and the event that everything was read from.
query Explained {
  transactions(first: 1) {
    nodes {
      id source externalId type amount currency effectiveOn
      parties { role partyId }
      postings { account side amount }
      explanation { rule to base rate exact rounding amount }
      event { stream revision type actor recordedAt data metadata }
    }
  }
}`,
  },
  {
    name: 'Try a schedule',
    query: `# What a schedule would make of a sale. Nothing is posted; a draft goes
# into document instead of schedule.
query Try {
  simulateSchedule(input: { schedule: "market-standard", amount: "100.00", currency: "USD", on: "2026-11-22" }) {
    rating {
      rules { rule matched why lines { base rate exact rounding amount } }
      shares { role purpose side amount }
    }
    userErrors { field message remedy }
  }
}`,
  },
  {
    name: 'Live balance (subscription)',
    query: `# Pushes the balances of a party as they change. Run, and Stop when done.
subscription Live($party: ID!, $after: Position) {
  balanceChanged(party: $party, after: $after) {
    cursor
    balances { account currency amount side }
  }
}`,
    variables: { party: 'studio-comet' },
  },
  {
    name: 'Audit trail of a party',
    query: `query Trail($party: ID!) {
  party(id: $party) {
    partyId
    audit(first: 10) {
      nodes { position stream revision type actor recordedAt data }
    }
  }
}`,
    variables: { party: 'seller-jeju' },
  },
  {
    name: 'Daily totals',
    query: `query Daily {
  dailyTotals(first: 50) {
    nodes { day book party product type currency count debits credits amount side }
  }
}`,
  },
  {
    name: 'Replay the log',
    query: `# Oldest first. Go on with after set to endCursor.
query Replay($after: Position) {
  events(first: 20, after: $after, filter: {streams: ["book-"]}) {
    nodes { position stream revision type data }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { after: null },
  },
  {
    name: 'Settle a transaction (mutation)',
    query: `# The answer's position, given to atLeast, reads your own write.
mutation Settle($input: SettleInput!) {
  settle(input: $input) {
    outcome
    position
    transaction { id postings { account side amount } explanation { rule rate amount } }
    userErrors { code field value message remedy }
  }
}`,
    variables: {
      input: {
        source: 'console', externalId: 'try-1', book: 'starlight', type: 'sale', method: 'card', product: 'skyward', currency: 'USD', amount: '20.00',
        occurredAt: '2026-11-22T09:30:00-08:00', parties: [{ role: 'studio', party: 'studio-comet' }, { role: 'streamer', party: 'streamer-juno' }],
      },
    },
  },
  {
    name: 'State of the server',
    query: `query State {
  log { logId incarnation position }
  projections { name version position events updatedAt rebuilding parked { event reason } }
}`,
  },
];
