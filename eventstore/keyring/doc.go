// Package keyring keeps the keys that close the envelopes of personal and raw
// data. The log holds only sealed boxes; the keys live outside it, one per
// subject (a party, a source), so that destroying a key erases what the log says
// about a person while the history around it stays whole.
//
//	keys/
//	  master.key              Tink keyset, in clear, mode 0600: guard and back up
//	  subjects/<subject>.key  the subject's keysets, wrapped by the master key
//
// A subject's file holds two keysets: an AEAD for the box and a PRF for its
// digest, by which equal plaintexts are recognised without being read. Both are
// bound to the subject's name, so a file that is moved to another name does not
// open.
//
// Safety. A key is on disk (file and folder flushed) before the first box that
// needs it is returned, so no event can outlive its key in a crash. Files come
// into being by link(2), which fails if the name exists: of several processes
// that create the same key, one wins and the others load its key. Destroying
// replaces the file by a marker that stays for good; the file is compared on
// every use, so that a key destroyed by one process is gone for all.
//
// This package knows nothing about events. Another store of keys (a KMS, a
// vault) is another implementation of Keys.
package keyring
