// Package main is retailsums, the independent reader of tools/online-retail.sh: it reads
// the data set with nothing of the product and says what must come of it, and it
// writes the data set again with whole invoices in another order.
//
//	retailsums compare online_retail.csv.gz verified.json balances.json
//	retailsums negotiated online_retail.csv.gz balances.json DATE
//	retailsums shuffle online_retail.csv.gz shuffled.csv.gz SEED
//
// It imports the standard library only, computes with fractions, and knows the
// file by what its publisher says about it, not by examples/online-retail.yaml, and
// the deal of the ten rules by what it says, not by the engine: what both say must
// agree. To check one more distinction, add it to kind and to
// what compare reads from the reports. No product code may live here, and none of
// it may be imported.
package main
