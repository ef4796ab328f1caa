package examples

import "embed"

// Demo holds the source definitions and terms of the demo's platform.
//
//go:embed demo/*.yaml
var Demo embed.FS
