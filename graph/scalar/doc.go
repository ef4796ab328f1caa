// Package scalar reads and writes the custom scalars of the GraphQL schema:
// exact decimals, currencies, dates, instants, positions and raw JSON.
//
// It holds no business rule and reaches no store. Input that cannot be read is
// refused with a *domain.Error that names the value and says how to write it.
// To add a scalar, declare it in schema/common.graphqls, add its Marshal and
// Unmarshal functions here and bind it in graph/gqlgen.yml.
package scalar
