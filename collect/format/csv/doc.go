// Package csv reads comma-separated values with a header line, as RFC 4180
// describes them: fields may be quoted, a quoted field may hold delimiters, line
// ends and doubled quotes. Lines end in LF or CRLF; empty lines are passed over.
//
// Columns are found by the names in the header, never by position: providers
// reorder and add columns. Columns that the definition does not list are ignored
// with a warning and take no part in a record's content.
//
// A row with too few or too many fields, or with a quote where none may stand,
// is a malformed record; reading goes on with the next line.
package csv
