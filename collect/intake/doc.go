// Package intake lets deliveries arrive over HTTP: the handler of a server and
// the client that `jeongsan ingest --server` is.
//
//	POST /v1/deliveries, multipart/form-data, two parts in this order:
//	  definition   the source definition, YAML, up to 256 KiB
//	  data         the file, up to Config.MaxBytes
//
// The whole file is received before anything happens, so a broken connection
// settles nothing. The answer is 200 with NDJSON: objects {"progress": …} while it
// goes on and, as the last line, {"report": …} with {"error": …} beside it where
// the ingest failed or the delivery was refused. Before that, faults of the
// request itself are answered with 400 (not the two parts), 403 (sent by another
// site's page), 413 (too large), 415 (not multipart), 422 (invalid definition) or
// 503 (no room to buffer it), and a body {code, field, value, message, remedy},
// where errors lists all faults if there are several.
//
// An answer without its last line means that the outcome is not known: the client
// says so, and sending the same delivery again finishes it.
//
// What becomes of records is the pipeline's business, not this package's.
package intake
