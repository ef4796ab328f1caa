package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// shuffle writes the file with its invoices in another order; the rows of one
// invoice follow each other as they did. The same seed gives the same file.
func shuffle(out io.Writer, from, to string, seed uint64) (err error) {
	first, rows, err := read(from)
	if err != nil {
		return err
	}
	place := map[string]int{}
	var invoices [][]line
	for _, row := range rows {
		id := row.fields[invoiceNo]
		at, known := place[id]
		if !known {
			at = len(invoices)
			place[id] = at
			invoices = append(invoices, nil)
		}
		invoices[at] = append(invoices[at], row)
	}
	rand.New(rand.NewPCG(seed, seed)).Shuffle(len(invoices), func(i, j int) { invoices[i], invoices[j] = invoices[j], invoices[i] })

	file, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	z, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	write := func(raw []byte) error {
		if !bytes.HasSuffix(raw, []byte("\n")) {
			raw = append(bytes.Clone(raw), '\n') // the last row of the file may have none
		}
		_, err := z.Write(raw)
		return err
	}
	if err := write(first); err != nil {
		return err
	}
	for _, invoice := range invoices {
		for _, row := range invoice {
			if err := write(row.raw); err != nil {
				return err
			}
		}
	}
	if _, err := fmt.Fprintf(out, "  %d rows of %d invoices in another order, by seed %d\n", len(rows), len(invoices), seed); err != nil {
		return err
	}
	return z.Close()
}
