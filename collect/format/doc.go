// Package format turns the bytes of a delivery into records: what each format
// shares. The formats themselves are the folders below.
//
// A format cuts the stream into records, gives every record its raw bytes, and
// decodes its fields without interpreting them: text stays text, and a number
// keeps the digits it was written with. A record that cannot be decoded is
// returned with its fault and reading goes on behind it. A delivery whose
// structure is broken (cut off, not UTF-8, a quote that never closes) is an
// error of the reader: such a delivery is refused whole, before any of it
// settles, which is why package collect reads everything once before it acts.
//
// Nothing here knows a source's mapping, and nothing writes to the log. To add
// a format, add a folder with an Options struct (its keys under format: in a
// source definition) whose Open returns a Reader, and one line to the Format
// struct of package collect.
package format
