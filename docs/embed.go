package docs

import _ "embed"

// ScheduleSchema is the JSON Schema (draft 2020-12) of schedule documents, for
// editors and other programs. It says how a document is written; what its parts
// mean together is checked by package fee.
//
//go:embed schedule.schema.json
var ScheduleSchema []byte
