// Command jeongsan is the settlement-ledger server and its tools in one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // contracts carry their zone, wherever they run
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // what lives is little beside what passes through
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to stop, a second one kills
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
