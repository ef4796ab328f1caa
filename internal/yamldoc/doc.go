// Package yamldoc reads the YAML documents that people write for Jeongsan
// (source definitions, terms) strictly: unknown keys, duplicate keys, wrong
// kinds of value, anchors and aliases are refused, and every fault is reported
// with file, line, column and path, not only the first.
//
// Numbers keep the text they were written with, so 0.30 stays 0.30 and never
// becomes a binary fraction.
//
// What a document means is no business of this package. A reader decodes into
// its own struct and then adds the faults of its own checks with Fault, naming
// a path; the line is looked up here. To read one more kind of document, write
// its struct with yaml tags and call Decode.
package yamldoc
