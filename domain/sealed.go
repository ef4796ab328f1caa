package domain

// Sealed is personal or raw data in its encrypted envelope. The key lives
// outside the log, per subject; destroying it makes the box unreadable for good
// while the history around it stays whole.
type Sealed struct {
	// Subject names whose key closes the box, as "party-<id>" or "source-<id>".
	Subject string `json:"subject"`
	// Box is the ciphertext.
	Box []byte `json:"box"`
	// Digest is a keyed hash of the plaintext under the subject's key: equal
	// plaintexts can be recognised without being read.
	Digest []byte `json:"digest"`
}
