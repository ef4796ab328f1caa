package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// line is one row of the file with the bytes that it was read from.
type line struct {
	fields []string
	raw    []byte
}

// The columns of the file.
const (
	invoiceNo = iota
	stockCode
	_ // description
	quantity
	invoiceDate
	unitPrice
	_ // customer
	country
	columns
)

var header = strings.Split("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", ",")

// read returns the header and the rows of the file, which may be compressed.
func read(path string) (first []byte, rows []line, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, nil, err
		}
		if content, err = io.ReadAll(z); err != nil {
			return nil, nil, err
		}
	}
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = columns
	for start := int64(0); ; start = r.InputOffset() {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return first, rows, nil
		}
		if err != nil {
			return nil, nil, err
		}
		raw := content[start:r.InputOffset()]
		if first != nil {
			rows = append(rows, line{fields, raw})
			continue
		}
		if !slices.Equal(fields, header) {
			return nil, nil, fmt.Errorf("the columns are %q, not those of the data set", fields)
		}
		first = raw
	}
}
