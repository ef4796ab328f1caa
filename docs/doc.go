// Package docs embeds the JSON Schema of schedule documents, so that the command
// line prints the file that a reader opens here. The other files are for people:
// they are pages, and no part of any program.
//
// To publish another schema, add its file and a variable for it, and hold it to
// the Go types by a test as schema_test.go does.
package docs
