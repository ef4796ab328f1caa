// Package certificate makes the certificates of event store nodes: a certificate
// authority of one's own, kept in a directory, and certificates of nodes that it
// signs. It is for installations that have no authority yet; a node takes a
// certificate of any other just as well.
//
//	ca.crt    what clients must trust (tlsCAFile in a connection string)
//	ca.key    signs further nodes; keep it away from them
//	node.crt  what a node shows (--tls-cert); the name node can be chosen
//	node.key  its key (--tls-key)
//
// Keys are ECDSA P-256 and readable for their owner only. The authority is made
// once and never replaced: clients trust it. Nothing is overwritten unless asked,
// and then as a whole, so that a running node can take up a renewed certificate at
// any moment.
package certificate
