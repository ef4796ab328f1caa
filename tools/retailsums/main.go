package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "retailsums:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	switch {
	case len(arguments) == 4 && arguments[0] == "compare":
		return compare(out, arguments[1], arguments[2], arguments[3])
	case len(arguments) == 4 && arguments[0] == "negotiated":
		return negotiated(out, arguments[1], arguments[2], arguments[3])
	case len(arguments) == 4 && arguments[0] == "shuffle":
		seed, err := strconv.ParseUint(arguments[3], 10, 64)
		if err != nil {
			return err
		}
		return shuffle(out, arguments[1], arguments[2], seed)
	}
	return errors.New("usage: retailsums compare FILE VERIFIED BALANCES | negotiated FILE BALANCES DATE | shuffle FILE TO SEED")
}
