// Package party is the aggregate of those who take part: operators, providers,
// suppliers, affiliates, sellers, the tax office, the platform. Stream
// "party-<id>". It says who exists and of what kind; personal data stands in a
// sealed envelope that it compares by digest and never opens.
//
// Balances, contracts and access rights do not live here. To add something a
// party can undergo, add its command and event, one case each in decide.go and
// evolve.go, and its line in the catalogue of package eventstore.
package party
